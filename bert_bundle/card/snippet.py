"""The example of a card: Python that loads the bundle and predicts, with texts and features of the right shapes.

It can be run unchanged in the folder that holds the bundle.

Features with many numbers are read from the recorded examples; all others are written out.
"""

from typing import Any, List, Mapping, Sequence, Tuple

import numpy as np

from bert_bundle.format import layout
from bert_bundle.format.golden import Golden
from bert_bundle.format.manifest import Manifest

_MOST_NUMBERS = 16  # of a feature that is written out
_RECORDED = "recorded = load_file(bundle.path + {})"


def snippet(location: str, manifest: Manifest, golden: Golden) -> List[str]:
    """Return the lines of Python that load the bundle at `location`, a path or an address, and predict one text."""
    classes = manifest.custom_objects
    passed = ", ".join("{}: {}".format(ascii(name), _last(name)) for name in classes)
    features, recorded = _features(manifest, golden)
    lines = ["from safetensors.numpy import load_file", ""] if recorded else []
    lines += ["import bert_bundle", ""]
    if classes:
        lines.append("# Import your own classes here: " + ", ".join(map(_last, classes)))
    given = ", custom_objects={" + passed + "}" if classes else ""
    lines.append("bundle = bert_bundle.load({}{})".format(ascii(location), given))
    if recorded:
        lines.append(_RECORDED.format(ascii("/" + layout.GOLDEN_TENSORS)))
    return [*lines, "print(bundle.predict({}{}))".format(_texts(manifest.signature), features)]


def _last(class_name: str) -> str:
    """Return a class as an identifier: the last part of a name that a package was registered with."""
    last = class_name.split(">")[-1]
    return last if last.isidentifier() and last.isascii() else "YourClass"


def _texts(signature: Mapping[str, Any]) -> str:
    texts = {e["text"]: _example(e["shape"]) for e in signature["inputs"] if "text" in e}
    if len(texts) == 1:
        return next(iter(texts.values()))
    return "{" + ", ".join("{}: {}".format(ascii(name), shown) for name, shown in sorted(texts.items())) + "}"


def _example(shape: Sequence[object]) -> str:
    """Return a list of one text, or of one document."""
    return '["a text"]' if len(shape) == 1 else '[["a text"] * {}]'.format(shape[0] or 2)


def _features(manifest: Manifest, golden: Golden) -> Tuple[str, bool]:
    """Return the argument for the features of the first recorded example, and whether it reads recorded tensors."""
    shown, recorded = [], False
    for entry in manifest.signature["inputs"]:
        if entry["role"] != "feature":
            continue
        row = golden.features[entry["name"]][:1]
        written = row.dtype.kind == "U" or row.size <= _MOST_NUMBERS
        recorded = recorded or not written
        value = _literal(row) if written else "recorded[{}][:1]".format(ascii("features/" + entry["name"]))
        shown.append("{}: {}".format(ascii(entry["name"]), value))
    return (", features={" + ", ".join(shown) + "}" if shown else ""), recorded


def _literal(array: np.ndarray) -> str:
    """Return nested lists of Python for an array of numbers, booleans or strings."""
    if array.ndim:
        return "[" + ", ".join(_literal(np.asarray(part)) for part in array) + "]"
    if array.dtype.kind == "U":
        return ascii(str(array))
    if array.dtype.kind in "biu":
        return str(array.item())
    return str(array[()]) if np.isfinite(array) else 'float("{}")'.format(array)
