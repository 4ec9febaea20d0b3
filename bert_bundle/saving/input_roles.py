"""The role of each input of a model that is being saved: read from the graph, or given by the user.

Where the name of an input says one role and its place in the graph is another, the user is asked: a pipeline that feeds
by name gives it other values than one that feeds in order. So is one who fitted a class with a head on a list of three
arrays, whose order is not known. Runs no model.
"""

from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from bert_bundle.encoders.families.family import TOKENS
from bert_bundle.errors import SignatureError
from bert_bundle.graph import input_names, signature
from bert_bundle.graph.graph import Graph
from bert_bundle.graph.signature import ROLES, Slot

Asked = Optional[Mapping[str, Any]]  # input name -> role, or (role, text)


def slots(graph: Graph, asked: Asked, arrays: int = 0) -> List[Slot]:
    """Return the inputs of a model, in order, with the roles that the user `asked` for, else those of the graph.

    `arrays`: for an encoder by itself, of how many arrays the list was that it was fed.

    Raises SignatureError for an unknown input or role, and for a name that contradicts the graph without being asked
    for.
    """
    read = signature.slots(graph)
    given = _checked(asked or {}, {slot.name: slot for slot in read})
    in_order = arrays >= len(TOKENS) <= len(read)
    readings = {slot.name: _orders(slot) if in_order else _readings(slot) for slot in read if slot.role in TOKENS}
    unclear = {name: found for name, found in readings.items() if len(found) == 2}
    groups = {slot.name: slot.group for slot in read}
    for name, found in unclear.items():
        taken = {given[other][0] for other in unclear if other in given and groups[other] == groups[name]}
        left = [role for role in found if role not in taken]
        if name not in given and len(left) == 1:  # the one that the other inputs leave
            given[name] = (left[0], "")
    _check_asked({name: found for name, found in unclear.items() if name not in given}, in_order)
    result = signature.slots(graph, given)
    for slot in result:
        _check_kept(slot, given.get(slot.name, (slot.role, ""))[0], result)
    return result


def _checked(asked: Mapping[str, object], inputs: Mapping[str, Slot]) -> Dict[str, Tuple[str, str]]:
    """Return input name -> (role, text or "") of `inputs=`."""
    given = {}
    for name, value in asked.items():
        role, text = value if isinstance(value, (list, tuple)) and len(value) == 2 else (value, "")
        if name not in inputs:
            raise SignatureError(
                "a role for an input that the model does not have",
                place="inputs",
                wanted=", ".join(inputs),
                found=name,
            )
        if role not in ROLES or not isinstance(text, str):
            raise SignatureError(
                "not a role of an input",
                place="inputs[{}]".format(name),
                wanted=", ".join(ROLES),
                found=value,
                fix="name what the input is fed with: inputs={{{!r}: {!r}}}".format(name, inputs[name].role),
            )
        given[str(name)] = (str(role), text)
    return given


def _readings(slot: Slot) -> Tuple[str, ...]:
    """Return the role that an input's name says, if it says one, and that of its place in the graph."""
    named = input_names.role_of(slot.name)
    return (slot.role,) if named in (None, slot.role) else (str(named), slot.role)


def _orders(slot: Slot) -> Tuple[str, ...]:
    """Return what an input was fed with in a list in the encoder's order, and in one in the order of a tokenizer."""
    return (slot.role, *(role for role in TOKENS[1:] if slot.role in TOKENS[1:] and role != slot.role))


def _check_asked(unclear: Mapping[str, Tuple[str, ...]], in_order: bool) -> None:
    """Raise SignatureError for inputs with two readings: (role of the name, role of the place), or of two orders."""
    first, second = ({name: found[reading] for name, found in unclear.items()} for reading in (0, 1))
    if unclear and in_order:
        raise SignatureError(
            "a class that was fed a list of arrays, whose order is not known",
            place=", ".join(unclear),
            wanted="inputs={} if the list was [{}], the encoder's order".format(first, ", ".join(TOKENS)),
            found="a list of {} arrays".format(len(TOKENS)),
            fix="pass that to save, or inputs={} if it was [{}, {}, {}], the order of a tokenizer's dict".format(
                second, TOKENS[0], TOKENS[2], TOKENS[1]
            ),
        )
    if unclear:
        raise SignatureError(
            "an input is named after one role and its place in the graph is another",
            place=", ".join(unclear),
            wanted="inputs={} if your arrays reach the inputs by name, as the tokenizer's dict does".format(first),
            found="; ".join("{} feeds the encoder's {}".format(name, found[1]) for name, found in unclear.items()),
            fix="pass that to save, or inputs={} if they are fed in the encoder's order".format(second),
        )


def _check_kept(slot: Slot, role: str, slots: Sequence[Slot]) -> None:
    """Raise SignatureError for a role that does not fit any text of the model."""
    if slot.role != role:
        texts = sorted({other.group for other in slots if other.group})
        raise SignatureError(
            "an input whose text is not known",
            place="inputs[{}]".format(slot.name),
            wanted="the name of its token ids, one of {}, with the same axes".format(", ".join(texts))
            if texts
            else "an input whose role is input_ids",
            found="shape {} and role {}".format(slot.shape, role),
            fix="inputs={{{!r}: ({!r}, {!r})}}".format(slot.name, role, (texts or ["the token ids"])[0]),
        )
