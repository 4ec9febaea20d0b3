"""`encoders/<name>` is a standard checkpoint: PyTorch opens it with no bert_bundle, and computes the same."""

import shutil

import numpy as np
import pytest
import torch
import transformers
from padding import without_padding
from safetensors.numpy import load_file, save_file
from support.bundle_files import read_golden

from bert_bundle.encoders.families import CLASSES

BOUND = 1e-5  # of an output, relative to its largest value: float32 in two libraries


@pytest.fixture(scope="session")
def bundle(written, writer):
    """Return (a class, a bundle around it written by TensorFlow, its encoder's outputs there)."""
    name, path = written
    outputs = writer.ask("hidden", bundle=str(path))["bert_encoder"]
    return name, path, of_texts(name, path, {key: np.asarray(value, "float32") for key, value in outputs.items()})


def of_texts(name, bundle, outputs):
    """Return outputs by name without what DeBERTa says of padding."""
    mask = read_golden(str(bundle)).token_ids["attention_mask"]
    return {key: without_padding(value, CLASSES[name], mask) for key, value in outputs.items()}


def outputs_in_torch(name, folder, bundle):
    auto = getattr(transformers, "AutoModel" + CLASSES[name].head)
    model, report = auto.from_pretrained(folder, output_loading_info=True)
    assert {kind: set(names) for kind, names in report.items() if names} == unread(CLASSES[name])
    assert type(model).__name__ == name
    given = {key: torch.tensor(ids, dtype=torch.long) for key, ids in read_golden(str(bundle)).token_ids.items()}
    with torch.no_grad():
        return of_texts(name, bundle, {key: value.numpy() for key, value in model.eval()(**given).items()})


def unread(family):
    """Return what PyTorch's class leaves: the pooler of MPNet, which TensorFlow's classes have under every head."""
    if not family.head or not family.weights.always_pools:
        return {}
    return {"unexpected_keys": {f"{family.weights.prefix}.pooler.dense.{part}" for part in ("weight", "bias")}}


def distance(found, wanted):
    """Return the largest difference of any output, in parts of its largest value."""
    assert {key: value.shape for key, value in found.items()} == {key: value.shape for key, value in wanted.items()}
    return max(np.abs(found[key] - value).max() / np.abs(value).max() for key, value in wanted.items())


def test_auto_model_opens_the_folder_and_agrees_with_tensorflow(bundle):
    name, path, wanted = bundle
    found = outputs_in_torch(name, path / "encoders" / "bert_encoder", path)
    assert tuple(found) == CLASSES[name].always
    assert distance(found, wanted) < BOUND


def test_a_transposed_weight_would_be_noticed(bundle, tmp_path):
    """Planted: the layout of TensorFlow in place of PyTorch's."""
    name, path, wanted = bundle
    folder = shutil.copytree(path / "encoders" / "bert_encoder", tmp_path / "encoder")
    tensors = load_file(folder / "model.safetensors")
    weight = next(
        key
        for key in tensors
        if key.endswith(
            (
                "0.attention.self.query.weight",
                "0.attention.self.query_proj.weight",
                "0.attention.q_lin.weight",
                "0.attention.query.weight",
                "0.attention.attn.q.weight",
            )
        )
    )
    tensors[weight] = np.ascontiguousarray(tensors[weight].T)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    assert distance(outputs_in_torch(name, folder, path), wanted) > 100 * BOUND


@pytest.mark.parametrize("name", ["RobertaModel", "XLMRobertaModel"])
def test_positions_stop_at_padding_as_in_tensorflow(name, writer, tmp_path):
    """A text may hold the token that pads: then it is padded in the middle."""
    specification = {"class": name, "features": 0, "texts": ["my <pad> invoice is wrong", "why?", "<pad> the app"]}
    writer.ask("generate", specification=specification, target=str(tmp_path / "bundle"))
    ids = read_golden(str(tmp_path / "bundle")).token_ids["input_ids"]
    assert any(1 in row[:-1] and row[list(row).index(1) + 1] != 1 for row in ids)
