"""`encoders/<name>` is a standard checkpoint: PyTorch opens it with no bert_bundle, and computes the same."""

import shutil

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from transformers import AutoModel

from bert_bundle.format.golden import read_golden
from bert_bundle.testing import classifiers

BOUND = 1e-5  # of the last hidden state: float32 in two libraries


@pytest.fixture(scope="session", params=range(4))
def bundle(request, writer, tmp_path_factory):
    """(a bundle written by TensorFlow, its encoder's last hidden state there)."""
    specification = classifiers.specifications(4, seed=1)[request.param]
    path = tmp_path_factory.mktemp("torch") / "bundle"
    writer.ask("generate", specification=specification, target=str(path))
    return path, np.asarray(writer.ask("hidden", bundle=str(path))["bert_encoder"], "float32")


def last_hidden_state(folder, bundle):
    model, report = AutoModel.from_pretrained(folder, output_loading_info=True)
    assert {kind: list(names) for kind, names in report.items() if names} == {}
    ids = read_golden(str(bundle)).token_ids
    with torch.no_grad():
        outputs = model.eval()(
            input_ids=torch.tensor(ids["input_ids"], dtype=torch.long),
            attention_mask=torch.tensor(ids["attention_mask"], dtype=torch.long),
        )
    return type(model).__name__, outputs.last_hidden_state.numpy()


def test_auto_model_opens_the_folder_and_agrees_with_tensorflow(bundle):
    path, wanted = bundle
    kind, found = last_hidden_state(path / "encoders" / "bert_encoder", path)
    assert kind == "BertModel"
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() < BOUND


def test_a_transposed_weight_would_be_noticed(bundle, tmp_path):
    """Planted: the layout of TensorFlow in place of PyTorch's."""
    path, wanted = bundle
    folder = shutil.copytree(path / "encoders" / "bert_encoder", tmp_path / "encoder")
    tensors = load_file(folder / "model.safetensors")
    name = "encoder.layer.0.attention.self.query.weight"
    tensors[name] = np.ascontiguousarray(tensors[name].T)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    _, found = last_hidden_state(folder, path)
    assert np.abs(found - wanted).max() > 100 * BOUND
