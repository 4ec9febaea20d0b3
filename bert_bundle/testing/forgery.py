"""Bundles without a model, and a replay that repeats their golden: for what a host does when nobody has TensorFlow.

Owns the tasks `fault.forge` (in place of `generate`), `fault.parrot` (of `replay`), `fault.skim` (of `peruse`) and
`fault.heave` (of `load`). A forged bundle can carry a fault that its writer or its reader then commits: "refuse",
"lack", "die", "hang", "waver", "shiver".
"""

from typing import Any, Dict

import numpy as np

from bert_bundle.errors import ModelError, RuntimeUnavailableError
from bert_bundle.format import layout
from bert_bundle.format.golden import EXACT, Golden, from_bundle, to_files
from bert_bundle.format.manifest import Manifest
from bert_bundle.format.open_bundle import open_bundle
from bert_bundle.format.staging import Staging
from bert_bundle.interpreter import installed
from bert_bundle.interpreter.known_breakages import AUTO
from bert_bundle.testing import faults

LABELS = ("no", "yes")
WRITER = {
    "python": "3.11.7",
    "bert_bundle": "0.1.0",
    "packages": {"tensorflow-cpu": "2.15.1", "transformers": "4.40.2"},
}


def forge(*, progress: Any, specification: Dict[str, Any], target: str, runtime: str = AUTO) -> Dict[str, Any]:
    """Writes a bundle that holds nothing but a golden, made up from the `seed` of `specification`.

    Its `writing` is a fault that happens here, its `reading` one for whoever replays the bundle, its `heaviness` the
    seconds that a load takes by its own word; its `labels`, `tokenizer`, `metadata`, `proven`, `texts` and `features`
    (columns of as many, by name) are the bundle's, `says` the position of the label that each text gets, `answers`
    those of the right ones, or None.
    """
    progress("forging")
    _commit(specification.get("writing"))
    golden = _made_up(specification)
    classes = golden.float64_predictions["probabilities"].shape[1]
    output = {"name": "probabilities", "dtype": "float32", "shape": [None, classes]}
    with Staging(target, overwrite=False) as staging:
        for path, data in to_files(golden).items():
            staging.write(path, data)
        manifest = Manifest(
            writer=specification.get("writer", WRITER),
            runtime="transformers",
            signature={"inputs": [], "outputs": [output]},
            labels=tuple(specification.get("labels", LABELS)),
            tokenizer=specification.get("tokenizer", {}),
            encoders={},
            proof={"proven": specification.get("proven", False)},
            metadata={
                "reading": specification.get("reading"),
                "heaviness": specification.get("heaviness", 1.0),
                **specification.get("metadata", {}),
            },
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
    if any(map(installed.holds, dies_of)):
        faults.die(progress=progress)
    opened = open_bundle(bundle)
    golden = from_bundle(opened)
    fault = opened.manifest.metadata["reading"]
    _commit(fault)
    off = 1e-3 if fault == "waver" or (moved_by and installed.holds(moved_by)) else 0.0
    noise = np.float32(5e-6 if fault == "shiver" else 0.0)
    return {
        "token_ids": {name: ids.tolist() for name, ids in golden.token_ids.items()},
        "predictions": {name: (values + noise).tolist() for name, values in golden.predictions.items()},
        "float64_predictions": {name: (values + off).tolist() for name, values in golden.float64_predictions.items()},
        "layers": [[name, list(values)] for name, values in golden.layers],
        "architecture": dict(golden.architecture),
        "labels": list(opened.manifest.labels),
        "inputs": [[*facts, list(shape)] for *facts, shape in golden.inputs],
        "seconds": {"replay": 0.0},
    }


def skim(*, progress: Any, bundle: str, runtime: str = AUTO) -> Dict[str, Any]:
    """Reads the golden, in place of `peruse`; commits the bundle's fault, as `parrot` does."""
    opened = open_bundle(bundle)
    from_bundle(opened)
    _commit(opened.manifest.metadata["reading"])
    return {}


def heave(*, progress: Any, bundle: str, runtime: str = AUTO) -> Dict[str, Any]:
    """The seconds that the bundle says a load takes; commits the bundle's fault, as `parrot` does."""
    metadata = open_bundle(bundle).manifest.metadata
    _commit(metadata["reading"])
    return {"seconds": metadata["heaviness"]}


def _made_up(specification: Dict[str, Any]) -> Golden:
    seed = specification.get("seed", 0)
    texts = specification.get("texts", ["one", "two", "seed {}".format(seed)])
    says, answers = specification.get("says", [1] * len(texts)), specification.get("answers", [1, 1, 0])
    classes = max(2, len(specification.get("labels", ())))
    sure = np.random.RandomState(seed).uniform(0.6, 0.9, size=len(texts))
    float64 = np.repeat((1 - sure)[:, None] / (classes - 1), classes, axis=1)
    float64[np.arange(len(texts)), says] = sure
    return Golden(
        texts={"text": texts},
        features={name: np.array(column) for name, column in specification.get("features", {}).items()},
        answers=None if answers is None else np.array(answers),
        token_ids={"input_ids": np.arange(2 * len(texts), dtype=np.int32).reshape(-1, 2)},
        predictions={"probabilities": float64.astype(np.float32)},
        float64_predictions={"probabilities": float64},
        noise={"probabilities": 1e-6},
        layers=(("probabilities", tuple(float(value) for value in float64.ravel())),),
        architecture={},
        measured={EXACT: {"probabilities": 1e-7}},
        labels=tuple(specification.get("labels", LABELS)),
        inputs=(("input_ids", "input_ids", "int32", (2,)),),
        interchangeable=(),
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
