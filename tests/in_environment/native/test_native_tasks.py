"""What a label is, read from live Keras 3 models, and what `classify` says by it."""

import pytest
from task_models import MODELS, TEXTS, build, check_entries, check_saved_again, recorded

import bert_bundle
from bert_bundle.keras_models import runtime as keras_runtime


@pytest.mark.parametrize("name", MODELS)
def test_the_task_of_each_output_is_read_and_classify_goes_by_it(save, tmp_path, name):
    made, expected = build(name, "native"), MODELS[name][1]
    path = save(made, tmp_path / "bundle")
    assert recorded(path) == expected
    check_entries(path, expected, "native")


def test_a_compiled_loss_tells_what_the_graph_does_not(save, tmp_path):
    made = build("logits", "native")
    for loss, expected in (("binary_crossentropy", ("multilabel", "logits")), ("mse", ("regression", "values"))):
        made.model.compile(loss=loss)
        assert recorded(save(made, tmp_path / "bundle", overwrite=True))["p"] == expected


def test_what_only_the_loss_told_is_still_known_when_the_model_is_loaded_and_saved_again(save, tmp_path):
    check_saved_again(build("logits", "native"), save, keras_runtime.bind("native").keras, tmp_path, "native")


def test_predictions_of_the_caller_are_held_against_the_bundle(save, tmp_path):
    made = build("several sigmoids", "native")
    given = bert_bundle.load(save(made, tmp_path / "first"), runtime="native").predict(TEXTS)
    path = save(made, tmp_path / "bundle", examples={"text": TEXTS, "predictions": given})
    assert bert_bundle.verify(path, runtime="native").figures.grade == "bitwise"
    assert bert_bundle.inspect(path).proof["held_against"] == ["predictions"]
    with pytest.raises(bert_bundle.errors.SignatureError, match="would not predict what your pipeline predicts"):
        save(made, tmp_path / "other", examples={"text": TEXTS, "predictions": given[::-1]})
