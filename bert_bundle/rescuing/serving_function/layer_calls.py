"""Calls of known layers in a serving function: the ops within the scope of one call, what enters and what leaves them.

Keras opens a scope with the name of a layer around the ops of its call, and the metadata of the SavedModel has the
class and the configuration of each layer. So encoders and built-in layers with weights are found as layers, whatever
code calls them.
"""

import re
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence

from bert_bundle.encoders import families
from bert_bundle.encoders.families import Family
from bert_bundle.errors import FormatError, ModelError
from bert_bundle.graph import layer_configs
from bert_bundle.graph.layers import STATEFUL
from bert_bundle.keras_files.keras_metadata import ROOT, KerasObject
from bert_bundle.rescuing.serving_function.serving_ops import Op, ServingOps, Tensor

NOISE = ("AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise", "SpatialDropout1D", "SpatialDropout2D")

# Layers that are called on several tensors, which a scope does not tell apart: their ops are read instead.
_OF_SEVERAL = ("AdditiveAttention", "Attention", "MultiHeadAttention")

_WHOLE = ("bool", "int32", "int64")
_COMPARISONS = tuple("Equal NotEqual Greater GreaterEqual Less LessEqual LogicalAnd LogicalOr LogicalNot".split())


@dataclass
class LayerCall:
    """One call of a layer of Keras: its object, scope, ops, and the tensors that enter and leave, in order.

    `mask`: the one of two entering tensors that is the mask of a recurrent layer.
    """

    layer: KerasObject
    scope: str
    family: Optional[Family]
    config: Mapping[str, Any]
    ops: List[int] = field(default_factory=list)
    entering: Dict[Tensor, None] = field(default_factory=dict)
    leaving: Dict[Tensor, None] = field(default_factory=dict)
    mask: Optional[Tensor] = None

    @property
    def given(self) -> Tensor:
        """Return the tensor that a built-in layer is called on."""
        return next(tensor for tensor in self.entering if tensor != self.mask)


class Owners:
    """Which known layer each variable belongs to. `holders`: full name of a variable -> the object that holds it."""

    def __init__(self, objects: Sequence[KerasObject]) -> None:
        """Find the outermost known layer that holds each variable."""
        self._by_path = {found.path: found for found in objects}
        self.holders: Dict[str, KerasObject] = {}
        self.configs: Dict[str, Mapping[str, Any]] = {}  # path of a built-in layer -> its canonical configuration
        self._known: Dict[str, bool] = {}
        for found in objects:
            for name in found.variables.values():
                self.holders.setdefault(name, found)

    def chain(self, found: KerasObject) -> List[KerasObject]:
        """Return an object and those that hold it, the outermost first, the model itself left out."""
        parts = found.path.split(".")
        paths = [".".join(parts[: end + 1]) for end in range(len(parts))]
        return [self._by_path[path] for path in paths if path in self._by_path and path != ROOT]

    def known(self, found: KerasObject) -> List[KerasObject]:
        """Return the outermost known layer around an object, and what lies between; empty if there is none."""
        chain = self.chain(found)
        start = next((number for number, each in enumerate(chain) if self._is_known(each)), None)
        return [] if start is None else chain[start:]

    def _is_known(self, found: KerasObject) -> bool:
        if found.path not in self._known:
            self._known[found.path] = family_of(found) is not None or self._is_built_in(found)
        return self._known[found.path]

    def _is_built_in(self, found: KerasObject) -> bool:
        if not found.config or found.class_name in _OF_SEVERAL:
            return False
        try:
            self.configs[found.path] = layer_configs.canonical_config(found.class_name, found.config, found.names)
        except (FormatError, ModelError):  # its ops are read instead
            return False
        return True


def family_of(found: KerasObject) -> Optional[Family]:
    """Return the family of an encoder or of its main layer, None for any other object."""
    return families.BY_TENSORFLOW.get(found.class_name) or families.BY_MAIN_LAYER.get(found.class_name)


def find(serving: ServingOps, owners: Owners, objects: Sequence[KerasObject]) -> Dict[int, LayerCall]:
    """Return op -> the call that it is part of: of known layers with variables, and of those that only training needs.

    A call of a built-in layer that does not have one input, apart from a mask of a recurrent one, and one output is
    left out: its ops are read instead.
    """
    calls: Dict[str, LayerCall] = {}
    for op in serving.ops:
        holder = owners.holders.get(serving.variable(op))
        chain = owners.known(holder) if holder is not None else []
        scope = _scope(op.name, [each.name for each in chain]) if chain else ""
        if scope and scope not in calls:
            calls[scope] = LayerCall(chain[0], scope, family_of(chain[0]), owners.configs.get(chain[0].path, {}))
    noise = _noise(owners, objects)
    for op in serving.ops:
        scope = op.name.rpartition("/")[0]
        layer = noise.get(scope.rpartition("/")[2])
        if op.kind == "Identity" and layer is not None and scope not in calls:
            calls[scope] = LayerCall(layer, scope, None, owners.configs[layer.path])
    found = _members(serving, calls)
    _add_ends(serving, found)
    for call in calls.values():
        _find_mask(call, serving)
    return {
        number: call
        for number, call in found.items()
        if call.family or (len(call.leaving) == 1 and len(call.entering) == (1 if call.mask is None else 2))
    }


def _noise(owners: Owners, objects: Sequence[KerasObject]) -> Dict[str, KerasObject]:
    """Return name -> layer that only training needs, outside of every other known layer."""
    return {found.name: found for found in objects if found.class_name in NOISE and owners.known(found)[:1] == [found]}


def _scope(name: str, chain: Sequence[str]) -> str:
    """Return the scope of a call of the first layer of a chain of names, empty if the op does not lie in one.

    A later call of a layer has a numbered scope. The innermost scopes that fit count: a model may have its encoder's
    name.
    """
    parts = name.split("/")[:-1]
    for length in range(len(chain), 0, -1):
        for start in range(len(parts) - length, -1, -1):
            if all(_is_called(part, wanted) for part, wanted in zip(parts[start:], chain[:length])):
                return "/".join(parts[: start + 1])
    return ""


def _is_called(part: str, name: str) -> bool:
    return part == name or (part.startswith(name) and re.fullmatch("_[0-9]+", part[len(name) :]) is not None)


def _members(serving: ServingOps, calls: Mapping[str, LayerCall]) -> Dict[int, LayerCall]:
    """Return op -> the outermost call whose scope it lies in."""
    found: Dict[int, LayerCall] = {}
    for number, op in enumerate(serving.ops):
        parts = op.name.split("/")
        scopes = ("/".join(parts[:end]) for end in range(1, len(parts)))
        call = next((calls[scope] for scope in scopes if scope in calls), None)
        if call is not None and op.kind != "VarHandleOp":
            found[number] = call
            call.ops.append(number)
    return found


def _add_ends(serving: ServingOps, calls: Mapping[int, LayerCall]) -> None:
    """Add the tensors that enter and leave each call; handles and what is known before the model runs do not."""
    for number, op in enumerate(serving.ops):
        for tensor in op.inputs:
            inside, source = calls.get(number), calls.get(tensor.op)
            if inside is not source and serving.known(tensor) is None and not serving.handle(tensor):
                if inside is not None:
                    inside.entering[tensor] = None
                if source is not None:
                    source.leaving[tensor] = None
    for tensor in serving.outputs.values():
        if tensor.op in calls:
            calls[tensor.op].leaving[tensor] = None


def _find_mask(call: LayerCall, serving: ServingOps) -> None:
    """Note which tensor is the mask in a call of a recurrent layer: of two the only one without fractions."""
    if call.layer.class_name in STATEFUL and len(call.entering) == 2:
        masks = [tensor for tensor in call.entering if _is_mask(serving.ops[tensor.op])]
        call.mask = masks[0] if len(masks) == 1 else None


def _is_mask(op: Op) -> bool:
    if op.kind == "Cast":
        return op.node.attribute("DstT") in _WHOLE
    return op.kind in _COMPARISONS or (op.kind == "Placeholder" and op.node.attribute("dtype") in _WHOLE)
