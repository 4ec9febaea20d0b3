"""Bundles without a model, and a replay that repeats their golden: for what a host does when nobody has TensorFlow.

Owns the tasks `fault.forge` (in place of `generate`), `fault.parrot` (of `replay`) and `fault.skim` (of `peruse`). A
forged bundle can carry a fault that its writer or its reader then commits: "refuse", "lack", "die", "hang", "waver".
"""

from typing import Any, Dict

import numpy as np

from .. import isolation
from ..errors import ModelError, RuntimeUnavailableError
from ..format import layout
from ..format.atomic import Staging
from ..format.golden import Golden, from_bundle, to_files
from ..format.manifest import Manifest
from ..format.proven import open_bundle
from ..rules import AUTO
from . import faults

WRITER = {
    "python": "3.11.7",
    "bert_bundle": "0.1.0",
    "packages": {"tensorflow-cpu": "2.15.1", "transformers": "4.40.2"},
}


def forge(*, progress: Any, specification: Dict[str, Any], target: str, runtime: str = AUTO) -> Dict[str, Any]:
    """Writes a bundle that holds nothing but a golden, made up from the `seed` of `specification`.

    Its `writing` is a fault that happens here, its `reading` one for whoever replays the bundle; its `labels`,
    `tokenizer`, `texts` (three) and `features` (columns of three, by name) are the bundle's.
    """
    progress("forging")
    _commit(specification.get("writing"))
    golden = _made_up(specification)
    with Staging(target, overwrite=False) as staging:
        for path, data in to_files(golden).items():
            staging.write(path, data)
        manifest = Manifest(
            writer=specification.get("writer", WRITER),
            runtime="transformers",
            signature={"inputs": [], "outputs": [{"name": "probabilities", "dtype": "float32", "shape": [None, 2]}]},
            labels=tuple(specification.get("labels", ("no", "yes"))),
            tokenizer=specification.get("tokenizer", {}),
            encoders={},
            proof={"proven": False},
            metadata={"reading": specification.get("reading")},
            files=dict(staging.files),
        )
        staging.write(layout.MANIFEST, manifest.to_bytes())
        staging.publish()
    return {"digest": manifest.digest}


def parrot(
    *, progress: Any, bundle: str, runtime: str = AUTO, moved_by: Any = None, dies_of: Any = ()
) -> Dict[str, Any]:
    """The observation of a reader that agrees to the last bit, unless the bundle carries a fault.

    It is off where the packages of `moved_by` are all installed in these versions, and dies where those of one of
    `dies_of` are.
    """
    if any(map(isolation.holds, dies_of)):
        faults.die(progress=progress)
    opened = open_bundle(bundle)
    golden = from_bundle(opened)
    fault = opened.manifest.metadata["reading"]
    _commit(fault)
    off = 1e-3 if fault == "waver" or (moved_by and isolation.holds(moved_by)) else 0.0
    return {
        "token_ids": {name: ids.tolist() for name, ids in golden.token_ids.items()},
        "single": {name: values.tolist() for name, values in golden.single.items()},
        "double": {name: (values + off).tolist() for name, values in golden.double.items()},
        "layers": [[name, list(values)] for name, values in golden.layers],
        "architecture": dict(golden.architecture),
        "seconds": {"replay": 0.0},
    }


def skim(*, progress: Any, bundle: str, runtime: str = AUTO) -> Dict[str, Any]:
    """Reads the golden, in place of `peruse`; commits the bundle's fault, as `parrot` does."""
    opened = open_bundle(bundle)
    from_bundle(opened)
    _commit(opened.manifest.metadata["reading"])
    return {}


def _made_up(specification: Dict[str, Any]) -> Golden:
    seed = specification.get("seed", 0)
    yes = np.random.RandomState(seed).uniform(0.6, 0.9, size=3)
    double = np.stack([1 - yes, yes], axis=1)
    return Golden(
        texts={"text": specification.get("texts", ["one", "two", "seed {}".format(seed)])},
        features={name: np.array(column) for name, column in specification.get("features", {}).items()},
        answers=np.array([1, 1, 0]),
        token_ids={"input_ids": np.arange(6, dtype=np.int32).reshape(3, 2)},
        single={"probabilities": double.astype(np.float32)},
        double={"probabilities": double},
        noise={"probabilities": 1e-6},
        layers=(("probabilities", tuple(float(value) for value in double.ravel())),),
        architecture={},
    )


def _commit(fault: Any) -> None:
    if fault == "refuse":
        raise ModelError("a layer that no bundle holds", place="layer planted", wanted="another", fix="plant none")
    if fault == "lack":
        raise RuntimeUnavailableError("no TensorFlow here", wanted="tensorflow", found="nothing", fix="install it")
    if fault == "die":
        faults.die(progress=None)
    if fault == "hang":
        faults.hang(progress=lambda text: None)
