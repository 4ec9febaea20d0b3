"""Who calls the encoder of a classifier that is built from a specification, and in what form.

An encoder is called as the model that it is, or as its main layer. Does not know what follows the encoder.
"""

from typing import Any, Mapping, Tuple

import numpy as np

from bert_bundle.classifiers.model_builder import ModelBuilder
from bert_bundle.encoders import families

MODEL, MAIN_LAYER, SUBCLASSED, PRETRAINED = "model", "main_layer", "subclassed", "pretrained"
CALLERS = (MODEL, MAIN_LAYER, SUBCLASSED, PRETRAINED)
HIDDEN_STATES = "hidden_states"

Specification = Mapping[str, Any]


def wanted(spec: Specification) -> str:
    """Return the output that calls must ask for, if there is one."""
    return HIDDEN_STATES if spec["pooling"] == "last_four" else ""


def callee(builder: ModelBuilder, spec: Specification, live: Any) -> Any:
    """Return what is called of a live encoder; the native runtime has no main layer apart from the encoder."""
    if builder.native or spec["caller"] not in (MAIN_LAYER, PRETRAINED):
        return live
    # Calls of its main layer create the weights of the model, but it does not list them before it was called itself.
    builder.call(live, {"input_ids": builder.runtime.dialect.tensor(np.ones((1, 2), "int32"))})
    return live.layers[0]


def called(builder: ModelBuilder, spec: Specification, called_one: Any, feeds: Mapping[str, Any]) -> Mapping[str, Any]:
    """Call `called_one` in the specified form; the native runtime has keyword and positional calls only."""
    family, form = families.CLASSES[spec["class"]], spec["call"]
    asked, in_order = wanted(spec), list(feeds) == list(family.arguments[: len(feeds)])
    if form == "keywords" or asked or not in_order:
        outputs: Mapping[str, Any] = builder.call(called_one, feeds, asked)
    elif form == "position" or builder.native:
        outputs = called_one(*feeds.values())
    elif form == "dict":
        outputs = called_one(dict(feeds))
    else:
        args, keywords = _listed(feeds) if form == "list" else _first_alone(feeds)
        result = called_one(*args, **keywords, return_dict=False)
        # In graph mode transformers 4.5 returns a dict even with return_dict=False.
        outputs = result if isinstance(result, Mapping) else dict(zip(family.always, result))
    return outputs


def _listed(feeds: Mapping[str, Any]) -> Tuple[Tuple[Any, ...], Mapping[str, Any]]:
    return (list(feeds.values()),), {}


def _first_alone(feeds: Mapping[str, Any]) -> Tuple[Tuple[Any, ...], Mapping[str, Any]]:
    (_, first), *rest = feeds.items()
    return (first,), dict(rest)
