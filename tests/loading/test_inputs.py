"""The inputs of a manifest against those of the graph: what an earlier save wrote is read, a forged role is refused."""

import copy
from typing import Any

import pytest
from support.forged_bundles import Change, drop, put
from support.input_graphs import graph, manifest

from bert_bundle.encoders.families.family import TOKENS
from bert_bundle.errors import FormatError
from bert_bundle.format.manifest import Manifest
from bert_bundle.graph import signature
from bert_bundle.loading.inputs import slots_of

IDS, MASK, TYPES = TOKENS
GRAPH = graph({"ids": (16,), "mask": (16,), "age": (2,)}, {IDS: "ids", MASK: "mask"})


def entries(**given: Any) -> list[dict[str, Any]]:
    return copy.deepcopy([signature.input_to_json(slot) for slot in signature.slots(GRAPH, given)])


def signed(inputs: Any) -> Manifest:
    return Manifest(**{**vars(manifest()), "signature": {"inputs": inputs}})


@pytest.mark.parametrize("given", [{}, {"mask": (TYPES, "")}, {"mask": ("feature", "")}])
def test_what_a_save_writes_is_read_again(given: Any) -> None:
    assert slots_of(signed(entries(**given)), GRAPH) == signature.slots(GRAPH, given)


def test_an_input_that_an_earlier_save_read_as_a_feature_stays_one() -> None:
    older = entries()
    older[1] = {"name": "mask", "dtype": "int32", "shape": [16], "role": "feature"}
    assert [slot.role for slot in slots_of(signed(older), GRAPH)] == [IDS, "feature", "feature"]


FORGED: dict[str, Change] = {
    "another role": put(1, "role", TYPES),
    "a role that is none": put(1, "role", "position_ids"),
    "a role that is a list": put(1, "role", [MASK]),
    "no role": drop(1, "role"),
    "another text": put(1, "text", "other"),
    "a text that is a number": put(1, "text", 1),
    "no text": drop(1, "text"),
    "a text of a feature": put(2, "text", "text"),
    "a given role that is the graph's": put(1, "given", True),
    "a flag that is not true": put(1, "given", False),
    "a given role for a text that is not there": lambda inputs: inputs[2].update(role=MASK, text="x", given=True),
    "a given feature with a text": lambda inputs: inputs[1].update(role="feature", given=True),
    "another name": put(1, "name", "other"),
    "a name that is a number": put(1, "name", 1),
    "another shape": put(1, "shape", [17]),
    "a document": put(1, "shape", [2, 16]),
    "another dtype": put(1, "dtype", "int64"),
    "another field": put(1, "code", "import os"),
    "an input too few": drop(2),
    "another order": lambda inputs: inputs.reverse(),
    "no token ids": lambda inputs: [entry.update(role="feature") or entry.pop("text", 0) for entry in inputs],
    "an input that is a name": put(1, "mask"),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_input_is_refused(name: str) -> None:
    forged = entries()
    FORGED[name](forged)
    with pytest.raises(FormatError) as caught:
        slots_of(signed(forged), GRAPH)
    assert caught.value.place.startswith("bundle.json#/signature/inputs")


@pytest.mark.parametrize("inputs", [None, {}, "ids", 3])
def test_inputs_that_are_no_list_are_refused(inputs: Any) -> None:
    with pytest.raises(FormatError, match="the inputs of the manifest are malformed"):
        slots_of(signed(inputs), GRAPH)
