"""JSON that is read strictly and written canonically. Does not know: what it contains.

Read: UTF-8 without a byte order mark, no duplicate keys, no NaN or Infinity, bounded size and depth, no lone
surrogates. Written: sorted keys, two spaces, ASCII only, one newline at the end, so equal values give equal bytes.
"""

import json
import math
from typing import Any, Dict, List, Tuple

from bert_bundle.errors import FormatError, LimitError

MAX_DEPTH = 64


def parse(data: bytes, place: str) -> Any:
    """Return the value in `data`. Raises FormatError for malformed JSON, LimitError for more than 64 levels."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError("not UTF-8", place="{} byte {}".format(place, error.start), wanted="JSON in UTF-8") from None
    _check_depth(text, place)
    try:
        value = json.loads(text, object_pairs_hook=_distinct, parse_constant=_no_constant, parse_float=_finite)
    except _Fault as fault:
        raise FormatError(fault.args[0], place=place, found=fault.args[1]) from None
    except ValueError as error:
        position = getattr(error, "pos", "?")
        raise FormatError(
            "not JSON",
            place="{} character {}".format(place, position),
            found=getattr(error, "msg", "an integer of too many digits"),
            fix="the file is cut or was edited: copy the bundle again",
        ) from None
    if "\\u" in text:
        _check_surrogates(value, place)
    return value


def canonical(value: object) -> bytes:
    """Return `value` as canonical JSON. Raises ValueError for NaN and infinity, which JSON cannot represent."""
    text = json.dumps(value, sort_keys=True, indent=2, ensure_ascii=True, allow_nan=False)
    return (text + "\n").encode("ascii")


class _Fault(Exception):
    """A fault found by a hook of the parser: (message, found)."""


def _distinct(pairs: List[Tuple[str, object]]) -> Dict[str, object]:
    result: Dict[str, object] = {}
    for key, value in pairs:
        if key in result:
            raise _Fault("a key appears twice in one object", key)
        result[key] = value
    return result


def _no_constant(name: str) -> object:
    raise _Fault("not a JSON number", name)


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise _Fault("a number too large for a 64-bit float", digits)
    return value


def _check_depth(text: str, place: str) -> None:
    """Count brackets outside strings, so that hostile nesting never reaches the recursive parser."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth, in_string, escaped = 0, False, False
    for character in text:
        if in_string:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                in_string = False
        elif character == '"':
            in_string = True
        elif character in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise LimitError("nested too deeply", place=place, wanted="at most {} levels".format(MAX_DEPTH))
        elif character in "]}":
            depth -= 1


def _check_surrogates(value: object, place: str) -> None:
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise FormatError("a lone surrogate in a string", place=place, wanted="valid Unicode") from None
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_surrogates(key, place)
            _check_surrogates(item, place)
    elif isinstance(value, list):
        for item in value:
            _check_surrogates(item, place)
