"""Weights alone: each variable of the model that a function builds gets the tensor of its name, or none does."""

from dataclasses import replace

import numpy as np
import old_models
import pytest

from bert_bundle.errors import ConfigError, FormatError, ModelError
from bert_bundle.keras_files import structural_names
from bert_bundle.keras_files.stored_model import LEGACY_WEIGHTS, STRUCTURAL_WEIGHTS, StoredModel
from bert_bundle.rescuing import own_paths, user_model


class Pooled(old_models.keras.Model):
    """A subclassed model, whose weights have its name."""

    def __init__(self):
        super().__init__(name="pooled")
        self.encoder = old_models.transformers.TFBertModel(old_models.config())
        self.first, self.second = old_models.keras.layers.Dense(8), old_models.keras.layers.Dense(8)

    def call(self, inputs, training=False):
        hidden = self.encoder(inputs["input_ids"], attention_mask=inputs["attention_mask"], training=training)[0]
        return self.second(self.first(hidden[:, 0, :]))


def pooled():
    model = Pooled()
    model(old_models.arrays("first_token"))
    return model


def stored(model, runtime):
    """Return the weights of a model by name, changed, as a file without an architecture has them."""
    names = [runtime.dialect.variable_name(variable) for variable in model.weights]
    random = np.random.RandomState(0)
    arrays = {name: random.normal(size=tuple(v.shape)).astype("float32") for name, v in zip(names, model.weights)}
    assert len(arrays) == len(model.weights)
    return StoredModel(LEGACY_WEIGHTS, "/models/weights.h5", {}, arrays)


@pytest.fixture(params=[old_models.first_token, pooled])
def build(request):
    old_models.keras.backend.clear_session()
    return request.param


def values(model):
    return [np.asarray(variable) for variable in model.weights]


def test_each_variable_gets_the_tensor_of_its_name_in_whatever_order_they_are(build, runtime):
    record = stored(build(), runtime)
    shuffled = replace(record, arrays=dict(reversed(list(record.arrays.items()))))
    old_models.keras.backend.clear_session()
    found = user_model.built(shuffled, build, runtime)
    assert found.findings == ()
    assert all(np.array_equal(a, b) for a, b in zip(values(found.model), record.arrays.values()))
    assert sum(map(len, found.parts.encoders.values())) + len(found.parts.weights) == len(record.arrays)


def test_layers_that_keras_numbered_otherwise_are_matched_in_their_order_and_said(build, runtime):
    build()
    record = stored(build(), runtime)  # tf_bert_model_1, dense_1
    old_models.keras.backend.clear_session()
    found = user_model.built(record, build, runtime)
    assert all(np.array_equal(a, b) for a, b in zip(values(found.model), record.arrays.values()))
    (finding,) = found.findings
    assert finding.startswith("layers were numbered otherwise: ")
    assert "tf_bert_model_1/" in finding


@pytest.mark.parametrize(
    ("change", "wanted", "found"),
    [
        (lambda arrays: {**arrays, "more/kernel": np.zeros(2)}, "no others than the model has", "more/kernel"),
        (lambda arrays: dict(list(arrays.items())[1:]), "also ", "nothing else"),
        (lambda arrays: {name.replace("dense", "other"): a for name, a in arrays.items()}, "also dense/", "other/"),
    ],
)
def test_a_tensor_or_a_variable_without_a_partner_is_listed_and_nothing_is_set(change, wanted, found, runtime):
    old_models.keras.backend.clear_session()
    model = old_models.first_token()
    record, before = stored(model, runtime), values(model)
    with pytest.raises(FormatError, match="the weights are not those of the model") as caught:
        user_model.built(replace(record, arrays=change(record.arrays)), lambda: model, runtime)
    assert wanted in caught.value.wanted
    assert found in caught.value.found
    assert all(np.array_equal(a, b) for a, b in zip(values(model), before))


def test_a_tensor_of_another_shape_is_refused_before_any_is_set(runtime):
    old_models.keras.backend.clear_session()
    model = old_models.first_token()
    record, before = stored(model, runtime), values(model)
    last = list(record.arrays)[-1]
    with pytest.raises(FormatError, match="a tensor does not fit the model"):
        user_model.built(replace(record, arrays={**record.arrays, last: np.zeros(7)}), lambda: model, runtime)
    assert all(np.array_equal(a, b) for a, b in zip(values(model), before))


def failing():
    raise KeyError("no data here")


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (failing, "the function that builds the model failed"),
        (lambda: None, "the function did not return a model with weights"),
        (Pooled, "the function did not return a model with weights"),  # never called
    ],
)
def test_a_function_without_a_model_is_refused(function, message, runtime):
    with pytest.raises(ModelError, match=message):
        user_model.built(StoredModel(LEGACY_WEIGHTS, "/w.h5", {}, {}), function, runtime)


def test_a_function_is_imported_from_the_given_folder_only_as_it_was_named(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.path", list(__import__("sys").path))
    (tmp_path / "of_the_user.py").write_text("class Models:\n    make = staticmethod(lambda: 3)\n", encoding="utf-8")
    assert user_model.imported("of_the_user:Models.make", [str(tmp_path)])() == 3
    with pytest.raises(ModelError, match="a function that cannot be imported"):
        user_model.imported("of_the_user:nothing", [str(tmp_path)])
    with pytest.raises(ConfigError, match="not a function of a module"):
        user_model.imported("of_the_user", [str(tmp_path)])


def test_paths_are_those_that_the_installed_keras_writes_each_to_its_own_variable(build, runtime):
    model = build()
    variables = list(model.weights)
    if old_models.by_path():
        found = own_paths.by_path(model, variables, runtime)
        assert {id(variable) for variable in found.values()} == {id(variable) for variable in variables}
        arrays = {path: np.full(tuple(variable.shape), 0.5, "float32") for path, variable in found.items()}
        assert structural_names.of_weights(list(arrays)) == list(arrays)
        record = StoredModel(STRUCTURAL_WEIGHTS, "/models/w.weights.h5", {}, arrays)
        assert all((value == 0.5).all() for value in values(user_model.built(record, build, runtime).model))
    else:
        with pytest.raises(ModelError, match="does not save by its path"):
            own_paths.by_path(model, variables, runtime)
