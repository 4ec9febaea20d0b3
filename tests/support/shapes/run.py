"""Build shapes in this environment, save and load them, and hold the bundle against their owner's predictions.

    python -m tests.support.shapes.run write OUT [NAME ...]   build, save without proof, load, use
    python -m tests.support.shapes.run read OUT [NAME ...]    load what another environment wrote, use

One line for each shape, then a summary. The exit code is 1 where one is not as wanted: neither right, nor refused as
`refusals` lists it. `--quick` leaves out what Keras traces: predict, fit and summary.
"""

import os
import re
import sys
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import List, Sequence, Tuple

from bert_bundle.interpreter import launch

launch.pin()  # before anything imports tensorflow
sys.path.append(str(Path(__file__).resolve().parents[2]))  # for support

import bert_bundle  # noqa: E402
from support.shapes import recorded, refusals, use  # noqa: E402
from support.shapes.catalogue import KERAS_3, SHAPES, Release, Shape  # noqa: E402

RIGHT, LISTED = "ok", "refused"
Result = Tuple[str, List[str]]  # a state, and what was wrong


def main(arguments: Sequence[str]) -> int:
    """Run the command; return the exit code."""
    checks = tuple(use.CHECKS) if "--quick" not in arguments else use.QUICK
    command, out, *names = [argument for argument in arguments if not argument.startswith("--")]
    os.makedirs(out, exist_ok=True)
    counted: Counter[str] = Counter()
    for shape in written(out) if command == "read" else buildable():
        if names and shape.name not in names:
            continue
        begin = time.time()
        state, details = {"write": write, "read": read}[command](shape, os.path.join(out, shape.name), checks)
        counted[state] += 1
        seconds = "{:5.1f} s ".format(time.time() - begin)
        print("{:10} {:34}".format(state, shape.name), seconds, " | ".join(details), flush=True)
    print(", ".join("{} {}".format(number, state) for state, number in sorted(counted.items())))
    return 0 if counted and set(counted) <= {RIGHT, LISTED} else 1


def release() -> Release:
    """Return the installed release of TensorFlow."""
    import tensorflow as tf

    major, minor = tf.__version__.split(".")[:2]
    return int(major), int(minor)


def buildable(shapes: Sequence[Shape] = SHAPES) -> List[Shape]:
    """Return the shapes that Keras and transformers can build in this process."""
    import tensorflow as tf

    three = getattr(tf.keras, "__version__", "2").startswith("3")
    return [shape for shape in shapes if shape.since <= release() and (shape in KERAS_3) == three]


def written(out: str) -> List[Shape]:
    """Return the shapes whose bundles lie in a folder."""
    return [shape for shape in SHAPES if os.path.isdir(os.path.join(out, shape.name))]


def write(shape: Shape, path: str, checks: Sequence[str]) -> Result:
    """Build, record, save, load and use one shape; return its state and what was wrong."""
    listed = refusals.refusal(shape, release())
    try:
        case = shape.build()
        owned = recorded.record(case)
        recorded.write(path + ".npz", owned)
        bert_bundle.save(case.model, path, tokenizer=case.tokenizer, prove=False, overwrite=True, **case.save)
    except Exception as error:
        if listed and re.search(listed.message, str(error)):
            return LISTED, str(error).splitlines()
        if isinstance(error, bert_bundle.BertBundleError):
            return "unlisted", str(error).splitlines()
        traceback.print_exc()
        return "crashed", [use.first_line(error)]
    if listed:
        return "saved", ["it works now: take it out of refusals.REFUSED"]
    return _used(shape, path, owned, checks)


def read(shape: Shape, path: str, checks: Sequence[str]) -> Result:
    """Load and use the bundle of one shape that was written before."""
    return _used(shape, path, recorded.read(path + ".npz"), checks)


def _used(shape: Shape, path: str, owned: recorded.Recorded, checks: Sequence[str]) -> Result:
    try:
        bundle = bert_bundle.load(path)
    except Exception as error:
        return "unloaded", str(error).splitlines()
    found = list(use.faults(bundle, owned, checks))
    if not found:
        return RIGHT, found
    return ("wrong" if any("off by" in fault for fault in found) else "faulty"), found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
