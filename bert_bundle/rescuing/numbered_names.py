"""Names of variables that differ only in how Keras numbered the layers: `dense_7/kernel` and `dense/kernel`.

Keras counts the layers of a class that one process made. A second training in one notebook therefore saves other names
than the same code gives in a fresh process; the order of the numbers is the same.
"""

import re
from typing import Dict, List, Optional, Sequence, Set, Tuple

_NUMBERED = re.compile(r"(.*?)(?:_([0-9]+))?\Z", re.DOTALL)

Key = Tuple[Tuple[str, int], ...]  # of each part of a name: without its number, and its rank among its siblings


def matched(own: Sequence[str], stored: Sequence[str]) -> Optional[Dict[str, str]]:
    """Return stored name -> own name, None unless each has one partner of the same names and order of numbers."""
    ours, theirs = _keys(own), _keys(stored)
    if len(ours) != len(own) or set(ours) != set(theirs):
        return None
    return {theirs[key]: ours[key] for key in theirs}


def _keys(names: Sequence[str]) -> Dict[Key, str]:
    """Return each name by its key."""
    siblings: Dict[Tuple[Tuple[str, ...], str], Set[int]] = {}
    split: List[Tuple[str, Tuple[str, ...]]] = [(name, tuple(name.split("/"))) for name in names]
    for _, parts in split:
        for place, part in enumerate(parts):
            base, number = _part(part)
            siblings.setdefault((parts[:place], base), set()).add(number)
    ranks = {key: sorted(numbers) for key, numbers in siblings.items()}
    found = {}
    for name, parts in split:
        key = []
        for place, part in enumerate(parts):
            base, number = _part(part)
            key.append((base, ranks[parts[:place], base].index(number)))
        found[tuple(key)] = name
    return found


def _part(part: str) -> Tuple[str, int]:
    match = _NUMBERED.match(part)
    assert match is not None
    return match.group(1), int(match.group(2) or 0)
