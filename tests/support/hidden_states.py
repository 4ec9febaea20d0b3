"""A task that returns what a live encoder computes, for PyTorch's tests. Python 3.8: `faulty_worker.py` imports it."""

from typing import Any, Dict

from bert_bundle import api
from bert_bundle.format.golden import from_bundle
from bert_bundle.format.open_bundle import open_bundle
from bert_bundle.graph import signature
from bert_bundle.loading.parts import read_parts


def hidden(*, bundle: str, progress: Any) -> Dict[str, Any]:
    """Return the outputs of each encoder by name over the golden's token ids, with all tokens of type 0, as lists."""
    live, golden = api.load(bundle), from_bundle(open_bundle(bundle))
    slots = signature.slots(read_parts(open_bundle(bundle)).graph)
    by_role = {slot.role: golden.token_ids[slot.name] for slot in slots if slot.group}
    found = {}
    for name, encoder in live.encoders.items():
        outputs = live._runtime.encoders.call(encoder, {**by_role, "training": False}, frozenset())
        found[name] = {key: live._runtime.dialect.array(value).tolist() for key, value in outputs.items()}
    return found
