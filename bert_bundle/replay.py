"""The golden replayed by a live model: facts as plain data, for whoever judges them."""

import time
from typing import Any, Callable, Dict, List, Mapping, NamedTuple

import numpy as np

from . import tokenizer as tokenizers
from .format import golden as goldens
from .format import layout, strict_json
from .format.digest import sha256
from .format.golden import Fingerprint, Golden
from .format.proven import Proven, check_files
from .loaded import Bundle, Parts, encode, encoder_path, read_parts, recipe_of
from .model import capture, custom, forward, graph, graph_json, keras, rebuild, signature
from .model.custom import Classes
from .model.forward import check_rows
from .model.keras import Runtime
from .model.signature import Slot
from .tokenizer import Recipe

FINGERPRINTED = 8  # examples: enough to see a change, small enough for every layer of a large model


def load(bundle: Proven, runtime: str, classes: Classes = custom.NONE) -> Bundle:
    """The live bundle in that runtime: every file proven and parsed before anything is imported or built.

    `classes`: the caller's own, by the names that the graph has for them.
    """
    check_files(bundle)
    parts, files = read_parts(bundle, runtime, classes), tokenizers.read_files(bundle)
    bound = keras.bind(runtime, custom.needed(parts.graph, classes))
    return Bundle(bundle.root, bundle.manifest, parts, parts.build(bound), _tokenizer(bundle, files, bound), bound)


def single(bundle: Proven, runtime: str, classes: Classes = custom.NONE) -> Dict[str, Any]:
    """Output name -> what the model says of the golden's token ids and features, as nested lists."""
    read = peruse(bundle, runtime, classes)
    bound = keras.bind(runtime, custom.needed(read.parts.graph, classes))
    arrays = {**read.golden.token_ids, **read.features}
    model = read.parts.build(bound).model
    return _lists(forward.predict(bound, model, read.parts.graph, read.slots, arrays, batch=goldens.BATCH))


class Read(NamedTuple):
    """What a replay computes from, read and checked; nothing is built."""

    golden: Golden
    parts: Parts
    tokenizer: Mapping[str, bytes]
    recipe: Recipe
    slots: List[Slot]
    features: Mapping[str, np.ndarray]


def peruse(bundle: Proven, runtime: str, classes: Classes = custom.NONE) -> Read:
    """Every file of the bundle proven, parsed and checked as a replay does it. Raises BundleErrors, imports nothing."""
    golden = goldens.from_bundle(bundle)
    check_files(bundle)
    parts, files = read_parts(bundle, runtime, classes), tokenizers.read_files(bundle)
    slots = signature.slots(parts.graph)
    recipe = recipe_of(bundle.manifest, slots)
    features = check_rows([s for s in slots if s.role == signature.FEATURE], golden.features)
    return Read(golden, parts, files, recipe, slots, features)


def observe(
    bundle: Proven, runtime: str, progress: Callable[[str], None], classes: Classes = custom.NONE
) -> Dict[str, Any]:
    """What this environment makes of the bundle: token ids, predictions in both precisions, fingerprints, contract.

    Plain data, float32 values exact. `classes` as of `load`. Raises BundleErrors when the bundle is refused.
    """
    started = time.monotonic()
    read = peruse(bundle, runtime, classes)
    parts, slots = read.parts, read.slots
    bound = keras.bind(runtime, custom.needed(parts.graph, classes))
    progress("building the model")
    single = parts.build(bound)
    tokenizer = _tokenizer(bundle, read.tokenizer, bound)
    built = time.monotonic()
    token_ids = encode(tokenizer, read.recipe, slots, read.golden.texts)
    arrays = {**token_ids, **read.features}
    progress("replaying {} examples".format(read.golden.examples))
    outputs = forward.predict(bound, single.model, parts.graph, slots, arrays, batch=goldens.BATCH)
    replayed = time.monotonic()
    progress("replaying in float64")
    exact = Double(parts, bound)
    double, layers = exact.predict(arrays), exact.fingerprints(arrays)
    return {
        "token_ids": _lists(token_ids),
        "single": _lists(outputs),
        "double": _lists(double),
        "layers": [[name, list(values)] for name, values in layers],
        "labels": list(bundle.manifest.labels),
        **contract(single, bound),
        "seconds": {
            "load": built - started,
            "single": replayed - built,
            "double": time.monotonic() - replayed,
        },
    }


def _tokenizer(bundle: Proven, files: Mapping[str, bytes], runtime: Runtime) -> Any:
    fast = bool(bundle.manifest.tokenizer.get("fast", True))
    return tokenizers.from_files(files, fast=fast, origin=bundle.root, runtime=runtime.name)


def hidden_states(bundle: Proven) -> Dict[str, Any]:
    """Encoder name -> output -> its values over the golden's token ids (all tokens of type 0), as nested lists."""
    live = load(bundle, keras.AUTO)
    golden = goldens.from_bundle(bundle)
    slots = signature.slots(read_parts(bundle).graph)
    by_role = {s.role: golden.token_ids[s.name] for s in slots if s.group}
    found = {}
    for name, encoder in live.encoders.items():
        outputs = live._runtime.encoders.call(encoder, {**by_role, "training": False}, frozenset())
        found[name] = {key: live._runtime.dialect.array(value).tolist() for key, value in outputs.items()}
    return found


class Double:
    """The function of `parts` built in float64. Both methods take input name -> array (examples, ...)."""

    def __init__(self, parts: Parts, runtime: Runtime) -> None:
        self._graph, self._runtime, self._slots = parts.graph, runtime, signature.slots(parts.graph)
        self._rebuilt = parts.build(runtime, double=True)

    def predict(self, arrays: Mapping[str, np.ndarray]) -> Dict[str, np.ndarray]:
        """Outputs by name."""
        return self._run(self._rebuilt.model, self._graph, arrays, goldens.BATCH)

    def fingerprints(self, arrays: Mapping[str, np.ndarray]) -> "tuple[Fingerprint, ...]":
        """Of every node's output over the first examples."""
        from .numerics import fingerprint

        first = {s.name: np.asarray(arrays[s.name][:FINGERPRINTED]) for s in self._slots}
        tensors = self._rebuilt.tensors
        inner = self._runtime.keras.Model(self._runtime.dialect.inputs(self._rebuilt.model), list(tensors.values()))
        everything = graph.Graph(
            name="layers", class_name="Functional", layers=(), nodes=self._graph.nodes, inputs=self._graph.inputs,
            inputs_form=self._graph.inputs_form,
            outputs=tuple((name, self._graph.outputs[0][1]) for name in tensors), outputs_form="list",
        )  # fmt: skip
        values = self._run(inner, everything, first, FINGERPRINTED)
        return tuple((name, fingerprint(values[name])) for name in tensors)

    def _run(
        self, model: Any, shape: graph.Graph, arrays: Mapping[str, np.ndarray], batch: int
    ) -> Dict[str, np.ndarray]:
        return forward.predict(self._runtime, model, shape, self._slots, arrays, batch=batch, double=True)


def contract(rebuilt: rebuild.Rebuilt, runtime: Runtime) -> Dict[str, Any]:
    """What the live model is, captured again: sha256 of graph.json and every config.json by path, and its inputs."""
    again = capture.capture(rebuilt.model, runtime)
    digests = {layout.GRAPH: sha256(graph_json.to_bytes(again.graph))}
    for name, encoder in again.encoders.items():
        path = encoder_path(name, layout.ENCODER_CONFIG)
        digests[path] = sha256(strict_json.canonical(runtime.encoders.config(encoder, path)))
    inputs = [[s.name, s.role, s.dtype, list(s.shape)] for s in signature.slots(again.graph)]
    return {"architecture": digests, "inputs": inputs}


def _lists(arrays: Mapping[str, np.ndarray]) -> Dict[str, Any]:
    return {name: array.tolist() for name, array in arrays.items()}
