"""The inputs and outputs of a model that is read off its serving function: names, order, forms, shapes.

They are those of the stored configuration where there is one; else those of the call that Keras noted (`save_spec`),
or of the signature alone.
"""

import re
from typing import Any, List, Mapping, Optional, Sequence, Tuple

from bert_bundle.errors import ModelError
from bert_bundle.graph.graph import Input
from bert_bundle.keras_files.keras_metadata import ROOT
from bert_bundle.keras_files.saved_model import Endpoint
from bert_bundle.keras_files.stored_model import StoredModel
from bert_bundle.rescuing import stored_records

_NUMBERED = re.compile(r"(?:input|args|output)_[0-9]+(?:_[0-9]+)?\Z")  # a name that Keras made

Ends = Tuple[List[str], str]  # names in order, the form that holds them


def inputs(stored: StoredModel) -> Ends:
    """Return the names of a model's inputs in its own order, and their form."""
    assert stored.serving is not None
    served = sorted(stored.serving.signature().inputs)
    config = _configuration(stored)
    if config.get("input_layers"):
        found = [key or name for key, (name, _, _) in stored_records.ends(config["input_layers"], stored.source)]
        if sorted(found) == served:
            return found, stored_records.form(config["input_layers"], len(found))
    spec = next((each.metadata.get("save_spec") for each in stored.objects if each.path == ROOT), None)
    if isinstance(spec, Mapping) and sorted(spec) == served:
        return list(spec), "dict"
    return served, _form(served)


def outputs(stored: StoredModel) -> Ends:
    """Return the names of a model's outputs in its signature, in the model's own order, and their form."""
    assert stored.serving is not None
    served = sorted(stored.serving.signature().outputs)
    config = _configuration(stored)
    if config.get("output_layers"):
        found = [key or name for key, (name, _, _) in stored_records.ends(config["output_layers"], stored.source)]
        if sorted(found) == served:
            return found, stored_records.form(config["output_layers"], len(found))
        if len(served) == 1:
            return served, stored_records.form(config["output_layers"], 1)
    return served, _form(served)


def node(name: str, end: Endpoint, place: str) -> Input:
    """Return an input of the graph. Raises ModelError for one of unknown rank or without an axis of texts."""
    if not end.shape or end.shape[0] != -1:
        raise ModelError(
            "an input that does not have an axis of texts of any number",
            place="{} input {}".format(place, name),
            wanted="(None, ...)",
            found=end.shape,
        )
    sizes: Sequence[Optional[int]] = [None if size < 0 else size for size in end.shape[1:]]
    return Input(name, tuple(sizes), end.dtype)


def _configuration(stored: StoredModel) -> Mapping[str, Any]:
    config = stored.architecture.get("config") if stored.architecture else None
    return config if isinstance(config, Mapping) else {}


def _form(names: Sequence[str]) -> str:
    if not all(_NUMBERED.match(name) for name in names):
        return "dict"
    return "single" if len(names) == 1 else "list"
