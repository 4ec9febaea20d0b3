"""What a label is, read from live models, and what `classify` says by it."""

import json

import numpy as np
import pytest
from support.bundle_files import read_golden
from task_models import MODELS, TEXTS, build, check_entries, check_saved_again, recorded

import bert_bundle
from bert_bundle import errors


@pytest.mark.parametrize("name", MODELS)
def test_the_task_of_each_output_is_read_and_classify_goes_by_it(save, tmp_path, name):
    made, expected = build(name, "transformers"), MODELS[name][1]
    path = save(made, tmp_path / "bundle")
    assert recorded(path) == expected
    check_entries(path, expected, "transformers")


@pytest.fixture(scope="module")
def logits():
    return build("logits", "transformers")


def task_of(path, output="p"):
    return recorded(path)[output]


def test_a_compiled_loss_tells_what_the_graph_does_not(logits, save, keras, tmp_path):
    losses = keras.losses
    for loss, expected in (
        ("binary_crossentropy", ("multilabel", "logits")),
        (losses.BinaryCrossentropy(from_logits=True), ("multilabel", "logits")),
        (losses.binary_crossentropy, ("multilabel", "logits")),
        ({"p": "mse"}, ("regression", "values")),
        (["mean_absolute_error"], ("regression", "values")),
        (losses.SparseCategoricalCrossentropy(from_logits=True), None),
        (lambda wanted, found: keras.backend.mean(found), None),
    ):
        logits.model.compile(loss=loss)
        assert task_of(save(logits, tmp_path / "bundle", overwrite=True)) == expected
    logits.model.compile(loss=None)


def test_what_only_the_loss_told_is_still_known_when_the_model_is_loaded_and_saved_again(logits, save, keras, tmp_path):
    check_saved_again(logits, save, keras, tmp_path, "transformers")


def test_several_sigmoids_fitted_to_one_class_are_classes(save, tmp_path):
    made = build("several sigmoids", "transformers")
    made.model.compile(loss="sparse_categorical_crossentropy")
    assert task_of(save(made, tmp_path / "bundle")) == ("classes", "probabilities")
    entry = bert_bundle.load(tmp_path / "bundle").classify(TEXTS)[0]
    assert entry["score"] == pytest.approx(bert_bundle.load(tmp_path / "bundle").predict(TEXTS)[0].max())


def test_the_problem_type_of_a_class_with_a_head_counts(save, tmp_path):
    made = build("ForSequenceClassification", "transformers")
    for kind, expected in (
        ("multi_label_classification", ("multilabel", "logits")),
        ("regression", ("regression", "values")),
        ("single_label_classification", None),
        (None, None),
    ):
        made.encoder.config.problem_type = kind
        assert task_of(save(made, tmp_path / "bundle", overwrite=True), "logits") == expected


def test_what_the_caller_says_counts_most(logits, save, tmp_path):
    save(logits, tmp_path / "bundle", task="multilabel", labels=["a", "b", "c"])
    bundle = bert_bundle.load(tmp_path / "bundle")
    values = bundle.predict(TEXTS)
    assert [{e["label"] for e in row} for row in bundle.classify(TEXTS)] == [
        {"abc"[i] for i in np.flatnonzero(row > 0)} for row in values
    ]
    score = {e["label"]: e["score"] for e in bundle.classify(TEXTS, threshold=0.0)[0]}
    assert score["b"] == pytest.approx(1 / (1 + np.exp(-np.float64(values[0, 1]))))
    assert bundle.classify(TEXTS, threshold=1.0) == [[]] * 4
    assert (
        b"Task of p: multilabel (each column above its threshold is a label; logits)."
        in (tmp_path / "bundle" / "README.md").read_bytes()
    )
    for output, task in (("p", "regression"), ("p", "classes")):
        path = save(logits, tmp_path / "other", task={output: task}, overwrite=True)
        assert task_of(path) == (("regression", "values") if task == "regression" else None)


def test_a_task_that_does_not_fit_is_refused(logits, save, tmp_path):
    for task, message, place in (
        ("sentiment", "an unknown task", "task"),
        ({"p": 3}, "an unknown task", "task[p]"),
        ({"q": "classes"}, "a task of an output that the model does not have", "task"),
        ("binary", "the output does not fit the task", "p"),
        ({"p": "tokens"}, "the output does not fit the task", "p"),
    ):
        with pytest.raises(errors.SignatureError) as caught:
            save(logits, tmp_path / "bundle", task=task)
        assert (caught.value.message, caught.value.place) == (message, place)
    assert not (tmp_path / "bundle").exists()


def test_a_threshold_is_a_probability(logits, save, tmp_path):
    bundle = bert_bundle.load(save(logits, tmp_path / "bundle"))
    for wrong in (-0.1, 1.5, "half", True, float("nan")):
        with pytest.raises(errors.SignatureError, match="not a probability"):
            bundle.classify(TEXTS, threshold=wrong)


def test_each_output_has_its_labels_and_true_labels(save, tmp_path):
    made = build("several outputs", "transformers")
    labels = {"issue": ["billing", "bug", "other"], "tags": list("abcde"), "spam": ["no", "yes"]}
    predicted = dict(zip(["issue", "tags"], made.model.predict(encoded(made))))
    true = {
        "issue": [labels["issue"][i] for i in predicted["issue"].argmax(-1)],
        "tags": [[n for n, p in zip("abcde", row) if p > 0.5] for row in predicted["tags"]],
    }
    true["tags"][0] = list(set("abcde") - set(true["tags"][0]))  # one of four that the model gets wrong
    path = save(made, tmp_path / "bundle", labels=labels, examples={"text": TEXTS, "label": true})
    manifest = bert_bundle.inspect(path)
    assert manifest.labels == ()
    assert manifest.labels_of("issue") == ("billing", "bug", "other")
    assert manifest.proof["accuracy"] == (1.0 + 0.75) / 2
    golden = read_golden(str(path))
    assert golden.answers is None
    assert golden.output_answers["tags"].shape == (4, 5)
    assert golden.labels[0] == "issue: billing"
    found = bert_bundle.load(path).classify(TEXTS)
    assert {e["label"] for e in found["issue"]} <= set(labels["issue"])
    assert {e["label"] for e in found["spam"]} <= {"no", "yes"}
    assert all(isinstance(value, float) for value in found["urgency"])
    assert bert_bundle.verify(path).figures.accuracy == manifest.proof["accuracy"]
    assert "Accuracy on the labelled examples, when it was saved: 87.5%." in (path / "README.md").read_text("utf-8")


def encoded(made):
    rows = made.tokenizer(
        TEXTS, padding="max_length", truncation=True, max_length=made.max_length, return_tensors="np",
        return_token_type_ids=True,
    )  # fmt: skip
    return [np.asarray(rows[tensor.name.split(":")[0]]) for tensor in made.model.inputs]


def test_labels_of_an_output_that_is_not_there_or_has_other_columns_are_refused(save, tmp_path):
    made = build("several outputs", "transformers")
    for labels, message in (
        ({"issues": ["a", "b", "c"]}, "labels of an output that the model does not have"),
        ({"issue": ["a", "b"]}, "the labels do not fit the head"),
    ):
        with pytest.raises(errors.SignatureError, match=message):
            save(made, tmp_path / "bundle", labels=labels)
    for true, message in (
        ({"issues": [0, 0, 0, 0]}, "labels of an output that the model does not have"),
        ({"urgency": [0, 0, 0, 0]}, "true labels of an output that does not have labels"),
        ({"issue": [0, 0, 9, 0]}, "not one of the model's labels"),
        ({"tags": [[0, 1], [], [], []]}, "not one of the model's labels"),
        ({"tags": [0, 1, 2, 3]}, "not one of the model's labels"),
        ({"issue": [0, 0]}, "columns of the examples differ in length"),
    ):
        with pytest.raises(errors.SignatureError, match=message):
            save(made, tmp_path / "bundle", examples={"text": TEXTS, "label": true})


def test_a_model_with_one_label_list_has_the_fields_that_it_always_had(classic_bundle):
    document = json.loads((classic_bundle / "bundle.json").read_bytes())
    assert set(document["signature"]["outputs"][0]) == {"name", "dtype", "shape"}
    assert document["proof"] == {"proven": False}


def test_an_answer_lies_in_the_pair(save, tmp_path):
    made = build("spans by two columns", "transformers")
    bundle = bert_bundle.load(save(made, tmp_path / "bundle"))
    for found in bundle.classify(["why?", "my app"], ["invoice wrong", "dark mode"]):
        assert found["answer"] in ("invoice wrong", "invoice", "wrong", "dark mode", "dark", "mode")
        assert 0 < found["score"] <= 1
        assert 0 <= found["start"] < found["end"]
        assert found["first_token"] <= found["last_token"]
