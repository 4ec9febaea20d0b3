"""PyTorch encoders compared with the reference: every family and head, output by output, in float64."""

import numpy as np
import pytest
import torch
import transformers
from padding import rounding, without_padding
from support import numpy_reference
from support.bundle_files import read_golden
from test_native import NAME

from bert_bundle.encoders.families import CLASSES
from bert_bundle.format.open_bundle import open_bundle
from bert_bundle.grading.differences import difference
from bert_bundle.loading.parts import read_parts

PYTORCH = 1e-13  # of an output's scale: PyTorch rounds no constant


@pytest.fixture(scope="module")
def case(written):
    """Return (family, configuration, tensors, token ids by argument, every output of PyTorch's class) of an encoder."""
    name, path = written
    parts, ids = read_parts(open_bundle(str(path))), read_golden(str(path)).token_ids
    auto = getattr(transformers, "AutoModel" + CLASSES[name].head)
    # What is fused gives no attentions.
    model = auto.from_pretrained(path / "encoders" / NAME, attn_implementation="eager").double().eval()
    given = {key: torch.tensor(array, dtype=torch.long) for key, array in ids.items()}
    with torch.no_grad():
        found = model(**given, output_hidden_states=True, output_attentions=True)
    return CLASSES[name], parts.configs[NAME], parts.encoders[NAME], ids, flat(found)


def flat(found):
    """Name -> array, what each layer makes numbered."""
    numbered = {f"{key}.{i}": v for key in ("hidden_states", "attentions") for i, v in enumerate(found[key])}
    others = {key: value for key, value in found.items() if key not in ("hidden_states", "attentions")}
    return {key: np.asarray(value) for key, value in {**numbered, **others}.items()}


def worst(case, **fields):
    """How far the reference lies from PyTorch, with `fields` of the configuration changed."""
    family, config, tensors, ids, found = case
    encoded = numpy_reference.encode({**config, **fields}, tensors, **ids)
    wanted = flat({"hidden_states": encoded.hidden_states, "attentions": encoded.attentions, **encoded.outputs})
    assert list(found) == list(wanted)
    mask = ids["attention_mask"]
    pairs = [
        (without_padding(found[name], family, mask), without_padding(wanted[name], family, mask)) for name in found
    ]
    return max(difference(seen, array, of=array) for seen, array in pairs)


def test_auto_model_computes_what_the_papers_say_output_by_output(case):
    assert worst(case) < rounding(case[0], of_others=PYTORCH)


def test_another_number_of_heads_would_be_noticed(case):
    """Planted."""
    family, config, tensors, *rest = case
    field = "n_heads" if "n_heads" in config else "num_attention_heads"
    heads = 1 if config[field] > 1 else 2
    # A table of distances has a column for each head.
    cut = {name: array[:, :heads] if "relative_attention_bias" in name else array for name, array in tensors.items()}
    assert worst((family, config, cut, *rest), **{field: heads}) > 1e-3
