"""What holds for lookups beside the encoder in both runtimes. Collected by name; `runtime` is a fixture of the file."""

import lookup_models
import numpy as np
import pytest
from lookup_models import TEXTS

import bert_bundle
from bert_bundle import errors
from bert_bundle.capturing import capture
from bert_bundle.classifiers import specification
from bert_bundle.format import golden as goldens
from bert_bundle.format import layout
from bert_bundle.format.open_bundle import open_bundle
from bert_bundle.grading import grades
from bert_bundle.graph import graph_json
from bert_bundle.keras_models import layer_construction

BOUNDS = "bin_boundaries"
KINDS = {"numbers": lookup_models.number_cases, "tables": lookup_models.table_cases, "words": lookup_models.word_cases}


@pytest.fixture(params=KINDS)
def cases(request, runtime):
    """Return the cases of a kind; those of numbers where Keras has no TensorFlow below it."""
    kind = request.param if lookup_models.has_strings(runtime.keras) else "numbers"
    return KINDS[kind](runtime.keras)


def test_a_loaded_model_looks_up_what_its_owner_s_model_does(cases, runtime, save, tmp_path):
    made = lookup_models.build(cases, runtime)
    path = save(made, tmp_path / "bundle")
    bundle = bert_bundle.load(path, runtime=runtime.name)
    values = lookup_models.features(cases)
    wanted = lookup_models.called(runtime, made.model, bundle, values)
    found = lookup_models.called(runtime, bundle.model, bundle, values)
    predicted = bundle.predict(TEXTS, features=values)
    assert sorted(wanted) == sorted(cases)
    for name in cases:
        np.testing.assert_array_equal(found[name], wanted[name], err_msg=name)
        np.testing.assert_array_equal(predicted[name], wanted[name], err_msg=name)
    assert bert_bundle.verify(path, runtime=runtime.name).figures.grade == grades.BITWISE
    again = capture.capture(bundle.model, runtime).graph
    assert graph_json.to_bytes(again) == open_bundle(path).read(layout.GRAPH)


SUBCLASSED = {
    "string": ("city", lambda kit: adapted(kit.StringLookup(), "city")),
    "words": ("title", lambda kit: adapted(kit.TextVectorization(output_sequence_length=4), "title")),
    "integer": ("codes", lambda kit: kit.IntegerLookup(vocabulary=[12, 7, 1000])),
    "hash": ("tags", lambda kit: kit.Hashing(6, salt=[133, 137])),
}


def adapted(layer, values):
    layer.adapt(lookup_models.VALUES[values])
    return layer


@pytest.mark.parametrize("case", SUBCLASSED)
def test_a_lookup_in_the_call_of_a_subclassed_model_is_kept(case, runtime, save, tmp_path):
    if not lookup_models.has_strings(runtime.keras):
        return
    values, build = SUBCLASSED[case]
    made = lookup_models.subclassed(values, runtime, build)
    bundle = bert_bundle.load(save(made, tmp_path / "bundle"), runtime=runtime.name)
    given = lookup_models.VALUES[values]
    arrays = {**bundle.encode(TEXTS), "given": given.astype(str) if given.dtype == object else given}
    wanted = made.model({name: runtime.dialect.tensor(array) for name, array in arrays.items()})
    found = bundle.predict(TEXTS, features={"given": given})
    np.testing.assert_allclose(found, runtime.dialect.array(wanted), atol=1e-6)
    assert np.ptp(found, axis=0).max() > 0.005


@pytest.mark.parametrize("case", ["city", "salted", "codes"])
def test_a_lookup_in_a_nested_model_is_kept(case, runtime, save, tmp_path):
    if not lookup_models.has_strings(runtime.keras):
        return
    cases = {"case": lookup_models.table_cases(runtime.keras)[case]}
    made = lookup_models.nested(cases["case"], runtime)
    bundle = bert_bundle.load(save(made, tmp_path / "bundle"), runtime=runtime.name)
    values = lookup_models.features(cases)
    wanted = lookup_models.called(runtime, made.model, bundle, values)["case"]
    np.testing.assert_array_equal(bundle.predict(TEXTS, features=values), wanted)


def test_a_missing_number_falls_where_keras_puts_it(runtime, save, tmp_path):
    cases = {"bins": lookup_models.number_cases(runtime.keras)["bins"]}
    made = lookup_models.build(cases, runtime)
    bundle = bert_bundle.load(save(made, tmp_path / "bundle"), runtime=runtime.name)
    values = {"numbers": np.full((5, 2), np.nan, "float32")}
    wanted = lookup_models.called(runtime, made.model, bundle, values)["bins"]
    np.testing.assert_array_equal(bundle.predict(TEXTS, features=values), wanted)


def test_texts_without_a_word_count_none(runtime, save, tmp_path):
    cases = lookup_models.word_cases(runtime.keras) if lookup_models.has_strings(runtime.keras) else {}
    if "present" not in cases:  # 2.4 does not count words
        return
    made = lookup_models.build({"present": cases["present"]}, runtime)
    bundle = bert_bundle.load(save(made, tmp_path / "bundle"), runtime=runtime.name)
    values = {name: np.full_like(array, "!") for name, array in lookup_models.features(cases).items()}
    values = {cases["present"].values: values[cases["present"].values]}
    wanted = lookup_models.called(runtime, made.model, bundle, values)["present"]
    assert np.isfinite(wanted).all()
    np.testing.assert_array_equal(bundle.predict(TEXTS, features=values), wanted)


def test_a_boundary_that_moved_changes_a_prediction(runtime, save, tmp_path):
    """Planted fault: a reader whose table has another entry. What it changes is found, and the replay drifts."""
    cases = lookup_models.number_cases(runtime.keras)
    bundle = bert_bundle.load(save(lookup_models.build(cases, runtime), tmp_path / "bundle"), runtime=runtime.name)
    values = lookup_models.features(cases)
    wanted = lookup_models.called(runtime, bundle.model, bundle, values)
    layer = next(each for each in bundle.model.layers if 2.5 in dict(getattr(each, "settings", ())).get(BOUNDS, ()))
    layer.settings = ((BOUNDS, [0.0, 0.1, 2.0, 2.5]), *(pair for pair in layer.settings if pair[0] != BOUNDS))
    found = lookup_models.called(runtime, bundle.model, bundle, values)
    assert [name for name in cases if np.abs(found[name] - wanted[name]).max() > 1e-6] == ["bins"]


def test_two_numbers_of_a_table_swapped_change_a_prediction(runtime, save, tmp_path):
    """Planted fault: a reader whose table has two numbers in each other's place."""
    if not lookup_models.has_strings(runtime.keras):
        return
    cases = {"city": lookup_models.table_cases(runtime.keras)["city"]}
    bundle = bert_bundle.load(save(lookup_models.build(cases, runtime), tmp_path / "bundle"), runtime=runtime.name)
    wanted = bundle.predict(TEXTS, features=lookup_models.features(cases))
    layer = next(each for each in bundle.model.layers if type(each).__name__ == "Lookup")
    numbers = dict(layer.fields["table"])
    swapped = {**numbers, "paris": numbers["rome"], "rome": numbers["paris"]}
    fields = {**layer.fields, "table": [[key, number] for key, number in swapped.items()]}
    layer.find = layer_construction.make(runtime.keras, "Lookup", "swapped", fields, "float32", float64=False).find
    changed = np.abs(bundle.predict(TEXTS, features=lookup_models.features(cases)) - wanted).max(axis=1) > 1e-6
    assert changed.tolist() == [True, True, False, False, True]


def test_another_salt_changes_a_prediction(runtime, save, tmp_path):
    """Planted fault: a reader that hashes with another salt."""
    if not lookup_models.has_strings(runtime.keras):
        return
    cases = {"salted": lookup_models.table_cases(runtime.keras)["salted"]}
    path = save(lookup_models.build(cases, runtime), tmp_path / "bundle")
    bundle = bert_bundle.load(path, runtime=runtime.name)
    wanted = bundle.predict(TEXTS, features=lookup_models.features(cases))
    layer = next(each for each in bundle.model.layers if type(each).__name__ == "Hashing")
    assert layer.fields == {"num_bins": 6, "salt": [133, 137]}
    layer.settings = (("num_bins", 6), ("salt", [133, 138]))
    found = bundle.predict(TEXTS, features=lookup_models.features(cases))
    assert np.abs(found - wanted).max() > 1e-4


def test_values_that_are_not_strings_are_refused(runtime, save, tmp_path):
    if not lookup_models.has_strings(runtime.keras):
        return
    cases = {"city": lookup_models.table_cases(runtime.keras)["city"]}
    made = lookup_models.build(cases, runtime)
    bundle = bert_bundle.load(save(made, tmp_path / "bundle"), runtime=runtime.name)
    assert bundle.manifest.signature["inputs"][-1]["dtype"] == "string"
    assert bundle.predict(TEXTS[:1], features={"city": [["rome"]]}).shape == (1, 3)
    assert bundle.predict(TEXTS[:1], features={"city": [[b"rome"]]}).shape == (1, 3)
    for wrong in (1, "a\0", None, b"\xff", "\ud800", ["rome"]):
        with pytest.raises(errors.SignatureError, match="not a rectangular array of strings") as caught:
            bundle.predict(TEXTS[:1], features={"city": [[wrong]]} if wrong != ["rome"] else {"city": [wrong, "a"]})
        assert caught.value.fix == "pass strings, with '' for a missing value"
    with pytest.raises(errors.SignatureError, match="values of the wrong shape"):
        bundle.predict(TEXTS[:1], features={"city": ["rome"]})


def test_without_examples_an_input_of_strings_is_tried_on_those_of_its_table(runtime, save, tmp_path):
    if not lookup_models.has_strings(runtime.keras):
        return
    cases = {"city": lookup_models.table_cases(runtime.keras)["city"]}
    path = save(lookup_models.build(cases, runtime), tmp_path / "bundle", examples=None)
    tried = goldens.from_bundle(open_bundle(path)).features["city"]
    assert {"paris", "rome"} < set(tried.ravel().tolist())


REFUSED = {
    "sparse": ("places", lambda kit, given: kit.CategoryEncoding(4, sparse=True, name="found")(given)),
    "standardize": ("title", lambda kit, given: kit.TextVectorization(standardize=tripled, name="found")(given)),
    "adapt": ("city", lambda kit, given: kit.StringLookup(name="found")(given)),
}


def tripled(text):
    return text + text + text


@pytest.mark.parametrize("argument", REFUSED)
def test_what_a_bundle_has_no_table_for_is_refused(argument, runtime):
    if not lookup_models.has_strings(runtime.keras):
        return
    values, build = REFUSED[argument]
    keras = runtime.keras
    base = specification.build({"features": 0}, runtime=runtime.name).model
    given = keras.Input(lookup_models.VALUES[values].shape[1:], dtype=lookup_models.dtype_of(values), name="given")
    found = build(lookup_models.Kit(keras), given)
    with pytest.raises(errors.ModelError, match=argument) as caught:
        capture.capture(keras.Model([*base.inputs, given], [base.output, found]), runtime)
    assert caught.value.place.startswith("found")
