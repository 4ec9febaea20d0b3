"""The generated text of a card: how to call the bundle, what it is, its proof, the metadata of `save`."""

import json
from typing import Any, List, Mapping, Sequence

from bert_bundle.card.markdown import code, plain
from bert_bundle.card.snippet import snippet
from bert_bundle.errors import printable
from bert_bundle.format.golden import Golden
from bert_bundle.format.manifest import Manifest
from bert_bundle.format.tasks import MEANING

_RESCUE = "rescue"  # the field of the metadata that a rescue writes


def content(name: str, location: str, manifest: Manifest, golden: Golden) -> List[str]:
    """Return the lines of Markdown about the bundle of that name, which is loaded from `location`."""
    signature = manifest.signature
    encoders = sorted(manifest.encoders.items())
    lines: List[str] = [
        "# " + plain(name),
        "",
        "A text classifier around {}, saved by bert_bundle as plain data: JSON and safetensors, no code.".format(
            ", ".join("{} ({})".format(code(k), plain(v["class"])) for k, v in encoders)
        ),
        "",
        "```python",
        *snippet(location, manifest, golden),
        "```",
        "",
        "| input | made of | shape | dtype |",
        "| --- | --- | --- | --- |",
    ]
    for entry in signature["inputs"]:
        cells = (plain(entry["name"]), plain(entry["role"]), _shape(entry["shape"]), plain(entry["dtype"]))
        lines.append("| {} | {} | {} | {} |".format(*cells))
    lines += ["", "| output | shape | dtype |", "| --- | --- | --- |"]
    for output in signature["outputs"]:
        shape, dtype = _shape(output["shape"]), plain(output["dtype"])
        lines.append("| {} | {} | {} |".format(plain(output["name"]), shape, dtype))
    return [
        *lines,
        "",
        *_labels(manifest.labels, signature["outputs"]),
        *_tasks(signature["outputs"]),
        *_lengths(manifest.tokenizer),
        *_where(manifest.encoders, manifest.tokenizer),
        *_classes(manifest.custom_objects),
        *_interchangeable(golden.interchangeable),
        *_rescue(manifest.metadata.get(_RESCUE)),
        *_proof(manifest, golden),
        *_metadata(manifest.metadata),
    ]


def _shape(shape: Sequence[object]) -> str:
    return "({})".format(", ".join("any" if size is None else plain(size) for size in ["n", *shape]))


def _proof(manifest: Manifest, golden: Golden) -> List[str]:
    if manifest.proof.get("proven") is True:
        said = (
            "Proven when it was saved: two fresh processes loaded it, one with pinned threads and kernels and one with "
            "the defaults, and both predicted what the model predicted."
        )
    else:
        said = "**Not proven** when it was saved: no fresh process has loaded it and compared the predictions."
    floors = ", ".join("{} {:.1e}".format(plain(name), noise) for name, noise in sorted(golden.noise.items()))
    packages = manifest.writer.get("packages", {})
    return [
        "",
        "## Proof",
        "",
        said,
        *_own_figures(manifest.proof),
        "float32 predictions may differ by this much of an output's scale: {}.".format(floors),
        "",
        "Written with {}.".format(", ".join("{} {}".format(plain(k), plain(v)) for k, v in sorted(packages.items()))),
        "`bert-bundle verify` replays its {} recorded examples.".format(golden.examples),
        "",
        "Digest: `{}`".format(manifest.digest),
    ]


def _metadata(metadata: Mapping[str, Any]) -> List[str]:
    """Return the user's own fields as a table; without what a rescue wrote, which has its own sentence."""
    rows = [
        "| {} | {} |".format(plain(key), plain(printable(value if isinstance(value, str) else json.dumps(value))))
        for key, value in sorted(metadata.items())
        if key != _RESCUE
    ]
    return ["", "## Metadata", "", "| field | value |", "| --- | --- |", *rows] if rows else []


def _labels(labels: Sequence[str], outputs: Sequence[Mapping[str, Any]]) -> List[str]:
    own = [entry for entry in outputs if "labels" in entry]
    if not own:
        return ["Labels: {}.".format(", ".join(map(plain, labels)) or "none were given")]
    return ["Labels of {}: {}.".format(plain(e["name"]), ", ".join(map(plain, e["labels"]))) for e in own]


def _tasks(outputs: Sequence[Mapping[str, Any]]) -> List[str]:
    """Return what the outputs with a task mean, each in a line of its own paragraph."""
    return ["Task of {}: {} ({}).".format(plain(e["name"]), e["task"], _meaning(e)) for e in outputs if "task" in e]


def _meaning(entry: Mapping[str, Any]) -> str:
    return "{}; {}".format(MEANING[entry["task"]], plain(entry["scores"]))


def _own_figures(proof: Mapping[str, Any]) -> List[str]:
    lines = []
    if "accuracy" in proof:
        lines.append("Accuracy on the labelled examples, when it was saved: {:.1%}.".format(proof["accuracy"]))
    if "held_against" in proof:
        words = {"inputs": "fed", "predictions": "predicted"}
        done = " and ".join(words[name] for name in proof["held_against"])
        lines.append("It predicts what its author's own pipeline {} for the recorded examples.".format(done))
    return lines


def _rescue(record: Any) -> List[str]:
    """Return where a rescued bundle comes from, and whether it predicts what the original did."""
    if not isinstance(record, Mapping) or not isinstance(record.get("source"), str):
        return []
    witness = record.get("witness")
    if isinstance(witness, Mapping):
        said = "it predicts what {} predicts".format(plain(witness.get("name")))
    else:
        said = "**not proven against the original**, as nothing told what that predicted"
    return ["", "Made of {} by a rescue: {}.".format(plain(record["source"]), said)]


def _lengths(tokenizer: Mapping[str, Any]) -> List[str]:
    """Return how texts are cut and padded, in one sentence."""
    if not tokenizer:
        return []
    found = tokenizer["max_length"]
    several = isinstance(found, Mapping)
    lengths = ", ".join("{} to {}".format(plain(k), v) for k, v in sorted(found.items())) if several else found
    shown = ": {} tokens" if several else " to {} tokens"
    if tokenizer["padding"] != "longest":
        return ["Texts are cut and padded{}.".format(shown.format(lengths))]
    among = "of one call" if tokenizer.get("padded_together") else "of their batch"
    return ["Texts are cut{}, and padded to the longest {}.".format(shown.format(lengths), among)]


def _where(encoders: Mapping[str, Mapping[str, Any]], tokenizer: Mapping[str, Any]) -> List[str]:
    """Return where a bundle loads whose encoders or tokenizer only transformers 4 has."""
    names = sorted({"TF" + entry["class"] for entry in encoders.values() if entry.get("general")})
    if not names and not tokenizer.get("general"):
        return []
    having = " that has " + ", ".join(map(plain, names)) if names else ", which reads its tokenizer"
    return ["", "Loads only with TensorFlow and a transformers 4{}, not with Keras 3.".format(having)]


def _classes(names: Sequence[str]) -> List[str]:
    if not names:
        return []
    shown = ", ".join(map(plain, names))
    return ["", "Layers of these classes need code that is not in this folder, passed to `load`: {}.".format(shown)]


def _interchangeable(pairs: Sequence[Sequence[str]]) -> List[str]:
    if not pairs:
        return []
    shown = "; ".join(" and ".join(map(plain, pair)) for pair in pairs)
    return ["", "The model does not depend on which of these inputs is which: {}.".format(shown)]
