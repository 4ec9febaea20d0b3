"""Fake bundles, which hold a golden but no model, and tasks that replay them: runs can be tested without TensorFlow.

`fake_generate`, `fake_replay`, `read_only` and `fake_load` take the place of the tasks `generate`, `replay`, `check`
and `load`. A fake bundle can name a fault that its writer or its reader then has: "refuses", "missing_runtime",
"crashes", "hangs", "drifts", "noisy". Python 3.8 syntax: `faulty_worker.py` imports it.
"""

import os
import signal
import time
from typing import Any, Dict

import numpy as np

from bert_bundle.errors import ModelError, RuntimeUnavailableError
from bert_bundle.format import layout
from bert_bundle.format.golden import EXACT, Golden, from_bundle, to_files
from bert_bundle.format.manifest import Manifest
from bert_bundle.format.open_bundle import open_bundle
from bert_bundle.format.signature_types import SignatureOutput
from bert_bundle.format.staging import Staging
from bert_bundle.interpreter import installed
from bert_bundle.interpreter.known_breakages import AUTO

LABELS = ("no", "yes")
WRITER = {
    "python": "3.11.7",
    "bert_bundle": "0.1.0",
    "packages": {"tensorflow-cpu": "2.15.1", "transformers": "4.40.2"},
}


def fake_generate(*, progress: Any, specification: Dict[str, Any], target: str, runtime: str = AUTO) -> Dict[str, Any]:
    """Write a bundle that holds nothing but a golden, made up from the `seed` of `specification`.

    `writing` is a fault that happens here, `reading` one that happens where the bundle is replayed, `load_seconds` what
    `fake_load` returns. `labels`, `tokenizer`, `metadata`, `proven`, `texts` and `features` (columns of the same
    length, by name) are the bundle's; `predicted` are the positions of the labels that the texts get, `answers` those
    of their true labels, or None.
    """
    progress("writing a fake bundle")
    _apply_fault(specification.get("writing"))
    golden = _made_up(specification)
    classes = golden.float64_predictions["probabilities"].shape[1]
    output: SignatureOutput = {"name": "probabilities", "dtype": "float32", "shape": [None, classes]}
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
                "load_seconds": specification.get("load_seconds", 1.0),
                **specification.get("metadata", {}),
            },
            files=dict(staging.files),
        )
        staging.write(layout.MANIFEST, manifest.to_bytes())
        staging.publish()
    return {"digest": manifest.digest}


def _installed(versions: Dict[str, str]) -> bool:
    return all(installed.version(name) == version for name, version in versions.items())


def fake_replay(
    *, progress: Any, bundle: str, runtime: str = AUTO, drifts_with: Any = None, crashes_with: Any = ()
) -> Dict[str, Any]:
    """Return the observation of a reader that agrees to the last bit, unless the bundle names a fault.

    It drifts if the packages of `drifts_with` are all installed in these versions, and crashes if those of one of
    `crashes_with` are.
    """
    if any(map(_installed, crashes_with)):
        _crash()
    opened = open_bundle(bundle)
    golden = from_bundle(opened)
    fault = opened.manifest.metadata["reading"]
    _apply_fault(fault)
    off = 1e-3 if fault == "drifts" or (drifts_with and _installed(drifts_with)) else 0.0
    noise = np.float32(5e-6 if fault == "noisy" else 0.0)
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


def read_only(*, progress: Any, bundle: str, runtime: str = AUTO) -> Dict[str, Any]:
    """Read the golden; have the bundle's fault, as `fake_replay` does."""
    opened = open_bundle(bundle)
    from_bundle(opened)
    _apply_fault(opened.manifest.metadata["reading"])
    return {}


def fake_load(*, progress: Any, bundle: str, runtime: str = AUTO) -> Dict[str, Any]:
    """Return the bundle's `load_seconds`; have the bundle's fault, as `fake_replay` does."""
    metadata = open_bundle(bundle).manifest.metadata
    _apply_fault(metadata["reading"])
    return {"seconds": metadata["load_seconds"]}


def _made_up(specification: Dict[str, Any]) -> Golden:
    seed = specification.get("seed", 0)
    texts = specification.get("texts", ["one", "two", "seed {}".format(seed)])
    predicted, answers = specification.get("predicted", [1] * len(texts)), specification.get("answers", [1, 1, 0])
    classes = max(2, len(specification.get("labels", ())))
    sure = np.random.RandomState(seed).uniform(0.6, 0.9, size=len(texts))
    float64 = np.repeat((1 - sure)[:, None] / (classes - 1), classes, axis=1)
    float64[np.arange(len(texts)), predicted] = sure
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


def _apply_fault(fault: Any) -> None:
    if fault == "refuses":
        raise ModelError("a layer that no bundle holds", place="layer planted", wanted="another", fix="plant none")
    if fault == "missing_runtime":
        raise RuntimeUnavailableError("no TensorFlow here", wanted="tensorflow", found="nothing", fix="install it")
    if fault == "crashes":
        _crash()
    if fault == "hangs":
        time.sleep(3600)


def _crash() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(3600)  # until the signal arrives
