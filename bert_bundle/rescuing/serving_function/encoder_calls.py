"""The call of an encoder in a serving function: which tensors it is given, and which of its outputs leave it.

The encoder's variables tell: what indexes the table of words are the ids, what adds the bias of a block's last
normalization is that block's output. That the ops between them compute the encoder is proven by its predictions, which
are compared with those of the serving function.
"""

import re
from typing import Dict, List, Optional, Tuple

from bert_bundle.encoders import checkpoint_names
from bert_bundle.encoders.families import Family
from bert_bundle.encoders.families.family import EMBEDDINGS, EMBEDDINGS_NORM, LABELS
from bert_bundle.errors import ModelError
from bert_bundle.rescuing.serving_function.layer_calls import LayerCall
from bert_bundle.rescuing.serving_function.serving_ops import Op, ServingOps, Tensor

_TABLES = {  # argument of the call -> the table that it indexes
    "input_ids": "word_embeddings",
    "token_type_ids": "token_type_embeddings",
    "position_ids": "position_embeddings",
}
_UNCHANGED = ("Identity", "Cast", "Reshape", "EnsureShape", "PlaceholderWithDefault", "Snapshot")
_FIX = "load it where it still loads, and save it with bert_bundle.save"


class EncoderCall:
    """One call of an encoder. `family`: with its head, without its pooler if it was made without."""

    def __init__(self, call: LayerCall, family: Family, serving: ServingOps, place: str) -> None:
        """Find the outputs of the blocks. Raises ModelError for ops of several calls in one scope."""
        self._call, self._family, self._serving, self._place = call, family, serving, place
        self._inside = frozenset(call.ops)
        self._weights: Dict[int, str] = {}  # op that reads a variable -> its PyTorch name
        for number in call.ops:
            name = serving.variable(serving.ops[number])
            if name:
                self._weights[number] = checkpoint_names.to_pytorch(name, family)[0]
        self.arguments = self._arguments()
        self._names = dict(self._named())

    def output(self, tensor: Tensor) -> str:
        """Return the name of an output. Raises ModelError for a tensor that transformers does not return."""
        op = self._unchanged(tensor)
        name = self._headed(tensor) if self._family.head else self._names.get(op, "")
        if not name:
            raise ModelError(
                "a tensor from inside of an encoder that a bundle cannot represent",
                place="{} op {}".format(self._place, self._serving.ops[op].name),
                wanted="one of its outputs: " + ", ".join(sorted(set(self._names.values()) or self._family.always)),
                found="tf.raw_ops." + self._serving.ops[op].kind,
                fix=_FIX,
            )
        return name

    def _arguments(self) -> Dict[str, Tensor]:
        given: Dict[str, Tensor] = {}
        for argument, table in _TABLES.items():
            end = ".{}.{}.weight".format(EMBEDDINGS, table)
            read = [number for number, name in self._weights.items() if ("." + name).endswith(end)]
            sources = {source for source in map(self._indices, read) if source is not None}
            if len(sources) > 1:
                raise self._unclear("several calls in one scope")
            given.update(zip([argument], sources))
        others = [tensor for tensor in self._call.entering if tensor not in given.values()]
        if "input_ids" not in given or len(others) > 1:
            raise self._unclear(", ".join(self._serving.ops[tensor.op].name for tensor in others) or "no token ids")
        return {**given, "attention_mask": others[0]} if others else given

    def _indices(self, number: int) -> Optional[Tensor]:
        """Return the tensor outside of the call that indexes a table, None if the encoder makes it itself."""
        op = self._serving.ops[number]
        if op.kind != "ResourceGather":
            users = [each for each in self._call.ops if Tensor(number, 0) in self._sources(each)]
            gathers = [self._serving.ops[each] for each in users if self._serving.ops[each].kind == "GatherV2"]
            if not gathers:
                return None
            op = gathers[0]
        tensor = op.inputs[1]
        while tensor.op in self._inside and self._serving.ops[tensor.op].kind in _UNCHANGED:
            tensor = self._serving.ops[tensor.op].inputs[0]
        return None if tensor.op in self._inside or tensor not in self._call.entering else tensor

    def _sources(self, number: int) -> Tuple[Tensor, ...]:
        """Return the inputs of an op, those through `Identity` as what they are a copy of."""
        return tuple(Tensor(self._unchanged(tensor), tensor.position) for tensor in self._serving.ops[number].inputs)

    def _named(self) -> List[Tuple[int, str]]:
        """Return (op, name of the output that it computes), in the order of the blocks."""
        weights, blocks = self._family.weights, []
        block = re.escape(weights.blocks).replace(r"\{\}", "[0-9]+")
        last_norm = re.compile(r".*\.{}\.{}\.bias".format(block, re.escape(weights.block.modules["last_norm"].path)))
        embedded = [".{}.{}.bias".format(EMBEDDINGS, EMBEDDINGS_NORM)]
        embedded += ["." + weights.projection + ".bias"] if weights.projection else []
        found: List[Tuple[int, str]] = []
        first, attentions = None, 0
        for number in self._call.ops:
            op = self._serving.ops[number]
            bias = self._added(op)
            if last_norm.fullmatch(bias):
                blocks.append(number)
            elif bias.endswith(tuple(embedded)):
                first = number
            elif op.kind == "Softmax":
                found.append((number, "attentions.{}".format(attentions)))
                attentions += 1
            elif op.kind == "Tanh" and weights.pooler:
                source = self._serving.ops[self._unchanged(op.inputs[0])]
                if self._added(source).endswith("." + weights.pooler + ".bias"):
                    found.append((number, "pooler_output"))
        states = [*([first] if first is not None else []), *blocks]
        found += [(number, "hidden_states.{}".format(place)) for place, number in enumerate(states[:-1])]
        return [*found, *((number, "last_hidden_state") for number in states[-1:])]

    def _added(self, op: Op) -> str:
        """Return the PyTorch name, after a dot, of the bias that an op adds, as it is or less a mean."""
        if op.kind not in ("AddV2", "Add", "BiasAdd"):
            return ""
        for tensor in op.inputs:
            source = self._unchanged(tensor)
            if self._serving.ops[source].kind in ("Sub", "Reshape"):
                source = self._unchanged(self._serving.ops[source].inputs[0])
            if source in self._weights:
                return "." + self._weights[source]
        return ""

    def _headed(self, tensor: Tensor) -> str:
        """Return the name of an output of a class with a head: logits, or one of the two of a span."""
        outputs = self._family.always
        while len(outputs) > 1 and self._serving.ops[tensor.op].kind in (*_UNCHANGED, "Squeeze"):
            tensor = self._serving.ops[tensor.op].inputs[0]
        last = self._family.heads[self._family.head].layers[-1]
        op = self._serving.ops[self._unchanged(tensor)]
        if len(outputs) > 1:
            is_span = op.kind in ("Split", "Unpack") and last.outputs == LABELS
            return outputs[tensor.position] if is_span and tensor.position < len(outputs) else ""
        return outputs[0] if self._added(op).endswith("." + last.path + ".bias") else ""

    def _unchanged(self, tensor: Tensor) -> int:
        """Return the op behind copies of its result, such as those of a dropout that does nothing."""
        while self._serving.ops[tensor.op].kind in ("Identity", "Snapshot"):
            tensor = self._serving.ops[tensor.op].inputs[0]
        return tensor.op

    def _unclear(self, found: str) -> ModelError:
        return ModelError(
            "a call of an encoder whose arguments cannot be told from its ops",
            place=self._place,
            wanted="token ids, and at most an attention mask, token types and positions",
            found=found,
            fix=_FIX,
        )
