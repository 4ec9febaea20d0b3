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
) -> bytes:
    """README.md of a bundle."""
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
        'bundle = bert_bundle.load("path/to/this/folder")',
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
        "",
        "Written with {}.".format(", ".join("{} {}".format(k, v) for k, v in sorted(packages.items()))),
        "`bert-bundle verify` replays its {} recorded examples.".format(examples),
        "",
    ]
    return "\n".join(lines).encode("utf-8")


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
