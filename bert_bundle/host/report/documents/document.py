"""A record as the one JSON document that a command prints.

JSON has no NaN and no infinity: a figure that is not finite is null, and the verdict's reason names it.
"""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from bert_bundle.errors import BertBundleError


def document(record: Mapping[str, object]) -> str:
    """Return `record` as indented JSON that ends with a newline."""
    return json.dumps(plain(record), indent=2, allow_nan=False) + "\n"


def error(raised: BertBundleError) -> dict[str, object]:
    """Return docs/schema/error.json."""
    return {"error": raised.to_json()}


def plain(value: object) -> object:
    """Return `value` made of what JSON has: paths as text, every sequence as a list, null for NaN and infinity."""
    if isinstance(value, Mapping):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(part) for part in value]
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
