"""The model card of a bundle, README.md: what it is and how to load it. A pure function of the manifest's fields."""

from types import MappingProxyType
from typing import Any, List, Mapping, Sequence

from bert_bundle.format.tasks import MEANING

NO_FACTS: Mapping[str, object] = MappingProxyType({})


def card(
    name: str,
    signature: Mapping[str, Any],
    labels: Sequence[str],
    encoders: Mapping[str, Any],
    tokenizer: Mapping[str, object],
    packages: Mapping[str, str],
    examples: int,
    custom_objects: Sequence[str] = (),
    interchangeable: Sequence[Sequence[str]] = (),
    proof: Mapping[str, Any] = NO_FACTS,
    rescue: Any = None,
) -> bytes:
    """Return README.md of a bundle.

    custom_objects   the names of the classes that must be passed to `load`
    interchangeable  pairs of inputs that can be swapped without changing a prediction
    proof            fields of the manifest's proof that are known before it: the accuracy, what was held against it
    rescue           what the manifest's metadata holds of the file that the bundle was made of, if it was
    """
    classes = ", ".join("{!r}: {}".format(name, name.split(">")[-1]) for name in custom_objects)
    lines: List[str] = [
        "# " + _plain(name),
        "",
        "A text classifier around {}, saved by bert_bundle as plain data: JSON and safetensors, no code.".format(
            ", ".join("`{}` ({})".format(k, v["class"]) for k, v in sorted(encoders.items()))
        ),
        "",
        "```python",
        "import bert_bundle",
        "",
        'bundle = bert_bundle.load("path/to/this/folder"{})'.format(
            ", custom_objects={" + classes + "}" if classes else ""
        ),
        "bundle.predict({}{})".format(_texts(signature), _features(signature)),
        "```",
        "",
        "| input | made of | shape | dtype |",
        "| --- | --- | --- | --- |",
    ]
    for entry in signature["inputs"]:
        shape = ", ".join("any" if s is None else str(s) for s in ["n", *entry["shape"]])
        lines.append("| {} | {} | ({}) | {} |".format(_plain(entry["name"]), entry["role"], shape, entry["dtype"]))
    lines += ["", "| output | shape | dtype |", "| --- | --- | --- |"]
    for entry in signature["outputs"]:
        shape = ", ".join(str(s) for s in ["n", *entry["shape"]])
        lines.append("| {} | ({}) | {} |".format(_plain(entry["name"]), shape, entry["dtype"]))
    lines += [
        "",
        *_labels(labels, signature["outputs"]),
        *_tasks(signature["outputs"]),
        _lengths(tokenizer),
        *_where(encoders, tokenizer),
        *_classes(custom_objects),
        *_interchangeable(interchangeable),
        *_own_figures(proof),
        *_rescue(rescue),
        "",
        "Written with {}.".format(", ".join("{} {}".format(k, v) for k, v in sorted(packages.items()))),
        "`bert-bundle verify` replays its {} recorded examples.".format(examples),
        "",
    ]
    return "\n".join(lines).encode("utf-8")


def _labels(labels: Sequence[str], outputs: Sequence[Mapping[str, Any]]) -> List[str]:
    own = [entry for entry in outputs if "labels" in entry]
    if not own:
        return ["Labels: {}.".format(", ".join(map(_plain, labels)) or "none were given")]
    return ["Labels of {}: {}.".format(_plain(e["name"]), ", ".join(map(_plain, e["labels"]))) for e in own]


def _tasks(outputs: Sequence[Mapping[str, Any]]) -> List[str]:
    """Return what the outputs with a task mean, each in a line of its own paragraph."""
    lines = ["Task of {}: {} ({}).".format(_plain(e["name"]), e["task"], _meaning(e)) for e in outputs if "task" in e]
    return lines


def _meaning(entry: Mapping[str, Any]) -> str:
    return "{}; {}".format(MEANING[entry["task"]], entry["scores"])


def _own_figures(proof: Mapping[str, Any]) -> List[str]:
    lines = []
    if "accuracy" in proof:
        lines.append("Accuracy on the labelled examples, when it was saved: {:.1%}.".format(proof["accuracy"]))
    if "held_against" in proof:
        words = {"inputs": "fed", "predictions": "predicted"}
        done = " and ".join(words[name] for name in proof["held_against"])
        lines.append("It predicts what its author's own pipeline {} for the recorded examples.".format(done))
    return ["", *lines] if lines else []


def _rescue(record: Any) -> List[str]:
    """Return where a rescued bundle comes from, and whether it predicts what the original did."""
    if not isinstance(record, Mapping) or not isinstance(record.get("source"), str):
        return []
    witness = record.get("witness")
    if isinstance(witness, Mapping):
        said = "it predicts what {} predicts".format(witness.get("name"))
    else:
        said = "**not proven against the original**, as nothing told what that predicted"
    return ["", "Made of {} by a rescue: {}.".format(_plain(record["source"]), said)]


def _lengths(tokenizer: Mapping[str, Any]) -> str:
    """Return how texts are cut and padded, in one sentence."""
    found = tokenizer["max_length"]
    several = isinstance(found, Mapping)
    lengths = ", ".join("{} to {}".format(_plain(k), v) for k, v in sorted(found.items())) if several else found
    shown = ": {} tokens" if several else " to {} tokens"
    if tokenizer["padding"] != "longest":
        return "Texts are cut and padded{}.".format(shown.format(lengths))
    among = "of one call" if tokenizer.get("padded_together") else "of their batch"
    return "Texts are cut{}, and padded to the longest {}.".format(shown.format(lengths), among)


def _where(encoders: Mapping[str, Mapping[str, Any]], tokenizer: Mapping[str, Any]) -> List[str]:
    """Return where a bundle loads whose encoders or tokenizer only transformers 4 has."""
    names = sorted({"TF" + entry["class"] for entry in encoders.values() if entry.get("general")})
    if not names and not tokenizer.get("general"):
        return []
    having = " that has " + ", ".join(map(_plain, names)) if names else ", which reads its tokenizer"
    return ["", "Loads only with TensorFlow and a transformers 4{}, not with Keras 3.".format(having)]


def _classes(names: Sequence[str]) -> List[str]:
    if not names:
        return []
    shown = ", ".join(map(_plain, names))
    return ["", "Layers of these classes need code that is not in this folder, passed to `load`: {}.".format(shown)]


def _interchangeable(pairs: Sequence[Sequence[str]]) -> List[str]:
    if not pairs:
        return []
    shown = "; ".join(" and ".join(map(_plain, pair)) for pair in pairs)
    return ["", "The model does not depend on which of these inputs is which: {}.".format(shown)]


def _plain(text: str) -> str:
    """Escape `text` for Markdown, tables included."""
    return "".join("\\" + c if c in "\\`*_{}[]<>()#+!|" else c if c.isprintable() else " " for c in text)


def _texts(signature: Mapping[str, Any]) -> str:
    texts = {e["text"]: _example(e["shape"]) for e in signature["inputs"] if "text" in e}
    if len(texts) == 1:
        return next(iter(texts.values()))
    return "{" + ", ".join("{!r}: {}".format(*item) for item in sorted(texts.items())) + "}"


def _example(shape: Sequence[object]) -> str:
    """Return a list of one text, or of one document."""
    return '["a text"]' if len(shape) == 1 else '[["a text"] * {}]'.format(shape[0] or 2)


def _features(signature: Mapping[str, Any]) -> str:
    names = [e["name"] for e in signature["inputs"] if e["role"] == "feature"]
    return ", features={" + ", ".join("{!r}: [...]".format(n) for n in names) + "}" if names else ""
