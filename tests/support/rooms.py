"""The rooms of the package, and the layer that each names in the last line of its docstring.

A room is a folder of `bert_bundle` or of `bert_bundle/host`, or a module beside these folders. A module's name is here
without "bert_bundle.", so that of the package itself is "". Does not know what a layer may import.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import NamedTuple

from support.paths import ROOT

PACKAGE = ROOT / "bert_bundle"
SIDES = ("core", "host")  # low to high
CORE, HOST = range(2)
DOORS = ("__main__", "host_api", "pytest_plugin")  # of the host, beside its folder: imported in every Python
LAST_LINE = re.compile(r"Layer ([1-9][0-9]*) of the (core|host)\.")


class Layer(NamedTuple):
    """Where a room is, from low to high: its side as an index of `SIDES`, and its number in that side."""

    side: int
    number: int

    def __str__(self) -> str:
        return f"layer {self.number} of the {SIDES[self.side]}"


def read_package() -> dict[str, str]:
    """Return the text of every module by its name."""
    sources = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        sources[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path.read_text("utf-8")
    return sources


def layers(sources: Mapping[str, str]) -> dict[str, Layer]:
    """Return the layer of each room that names one, low to high."""
    found = {room: _layer(sources.get(room, "")) for room in _rooms(sources)}
    return dict(sorted(((room, layer) for room, layer in found.items() if layer), key=lambda item: item[::-1]))


def wrong_layers(sources: Mapping[str, str]) -> Iterator[str]:
    """Yield each room whose layer is missing, malformed or of the other side, each gap, and each layer of a module."""
    rooms = _rooms(sources)
    found = layers(sources)
    for room in sorted(rooms):
        if room not in sources:
            yield f"{shown(room)}: has no __init__.py that names its layer"
        elif room not in found:
            last = _last_line(sources[room])
            yield f"{shown(room)}: its docstring ends with {last!r}, not with a line like 'Layer 3 of the core.'"
        elif found[room].side != side(room):
            yield f"{shown(room)}: names {found[room]}, and is in the {SIDES[side(room)]}"
    for module in sorted(sources.keys() - rooms):
        if _layer(sources[module]):
            yield f"{module}: names a layer, as only its room {room_of(module)} does"
    for layer in sorted(set(found.values())):
        below = Layer(layer.side, layer.number - 1)
        if below.number and below not in found.values():
            yield f"{below}: no room names it, and one names {layer}"


def room_of(module: str) -> str:
    """Return the room that holds the module: its first name, its first two in the host."""
    parts = module.split(".")
    return ".".join(parts[: 2 if parts[0] == "host" else 1])


def side(module: str) -> int:
    """Return the index in `SIDES` of the side that the module's folder is in; that of `DOORS` is the host's."""
    return HOST if module.split(".")[0] in ("host", *DOORS) else CORE


@cache  # of every module, for each planted fault
def docstring(source: str) -> str:
    """Return the docstring of a module, or an empty text."""
    return ast.get_docstring(ast.parse(source)) or ""


def shown(room: str) -> str:
    """Return the name of a room as messages print it."""
    return room or "bert_bundle"


def _rooms(sources: Mapping[str, str]) -> set[str]:
    return {room_of(module) for module in sources}


def _last_line(source: str) -> str:
    return (docstring(source).splitlines() or [""])[-1]


def _layer(source: str) -> Layer | None:
    found = LAST_LINE.fullmatch(_last_line(source))
    return Layer(SIDES.index(found[2]), int(found[1])) if found else None
