"""The model card in a bundle: what it is and how to load it, in Markdown. A pure function of the manifest's facts."""

from typing import Any, List, Mapping, Sequence


def card(
    name: str,
    signature: Mapping[str, Any],
    labels: Sequence[str],
    encoders: Mapping[str, Any],
    tokenizer: Mapping[str, Any],
    packages: Mapping[str, str],
    examples: int,
    custom_objects: Sequence[str] = (),
    alike: Sequence[Sequence[str]] = (),
) -> bytes:
    """README.md of a bundle.

    custom_objects  the names of the classes that a load must be given
    alike           pairs of inputs that the model does not tell apart
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
        "Labels: {}.".format(", ".join(_plain(label) for label in labels) or "none were given"),
        "Texts are cut and padded to {} tokens.".format(tokenizer["max_length"]),
        *_classes(custom_objects),
        *_alike(alike),
        "",
        "Written with {}.".format(", ".join("{} {}".format(k, v) for k, v in sorted(packages.items()))),
        "`bert-bundle verify` replays its {} recorded examples.".format(examples),
        "",
    ]
    return "\n".join(lines).encode("utf-8")


def _classes(names: Sequence[str]) -> List[str]:
    if not names:
        return []
    shown = ", ".join(map(_plain, names))
    return ["", "Layers of these classes need code that is not in this folder, passed to `load`: {}.".format(shown)]


def _alike(pairs: Sequence[Sequence[str]]) -> List[str]:
    if not pairs:
        return []
    shown = "; ".join(" and ".join(map(_plain, pair)) for pair in pairs)
    return ["", "The model does not depend on which of these inputs is which: {}.".format(shown)]


def _plain(text: str) -> str:
    """Text that stays text in Markdown and in a table."""
    return "".join("\\" + c if c in "\\`*_{}[]<>()#+!|" else c if c.isprintable() else " " for c in text)


def _texts(signature: Mapping[str, Any]) -> str:
    groups = sorted({e["text"] for e in signature["inputs"] if "text" in e})
    if len(groups) == 1:
        return '["a text"]'
    return "{" + ", ".join('{!r}: ["a text"]'.format(g) for g in groups) + "}"


def _features(signature: Mapping[str, Any]) -> str:
    names = [e["name"] for e in signature["inputs"] if e["role"] == "feature"]
    return ", features={" + ", ".join("{!r}: [...]".format(n) for n in names) + "}" if names else ""
