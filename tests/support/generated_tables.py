"""The generated tables of the documents: Markdown rendered from the code, for `<!-- generated: NAME -->` marks.

Owns how a table is rendered. Does not know which document holds it.
"""

import inspect
import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import click
from pydantic import BaseModel

from bert_bundle import errors
from bert_bundle.encoders import families
from bert_bundle.graph import layer_fields, layers, ops
from bert_bundle.host.cli import cli
from bert_bundle.host.config import gate_policy, matrix_file
from bert_bundle.host.gate import checks
from bert_bundle.host.runs.verdict import MEANING
from bert_bundle.interpreter import known_breakages, launch
from support import rooms
from support.command_line import subcommands
from support.paths import ROOT
from support.planted_faults import FAULTS
from support.shapes import catalogue
from support.shapes.refusals import REFUSED

PER_MACHINE = MappingProxyType({"jobs": "2; 1 on a machine with one core"})


def leaves(group: click.Group, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    """Yield (path, command) for every command that is not a group."""
    for name, command in subcommands(group).items():
        if isinstance(command, click.Group):
            yield from leaves(command, f"{prefix}{name} ")
        else:
            yield prefix + name, command


def options(command: click.Command) -> dict[str, click.Option]:
    """Return the options of a command by their longest spelling."""
    return {max(p.opts, key=len): p for p in command.params if isinstance(p, click.Option)}


def error_classes() -> list[type[errors.BertBundleError]]:
    kinds = [value for value in vars(errors).values() if isinstance(value, type)]
    return [kind for kind in kinds if issubclass(kind, errors.BertBundleError)]


def table(head: str, rows: Iterable[tuple[str, ...]]) -> str:
    """Return a Markdown table; `head` holds the titles of the columns, joined by bars."""
    lines = [tuple(head.split("|")), *rows]
    escaped = [[cell.replace("|", "\\|").replace("\n", " ") for cell in line] for line in lines]
    shown = [f"| {' | '.join(line)} |" for line in escaped]
    return "\n".join([shown[0], "| " + " | ".join("---" for _ in lines[0]) + " |", *shown[1:]]) + "\n"


def code(*parts: object) -> str:
    return ", ".join(f"`{part}`" for part in parts)


def plain(value: Any) -> str:
    return str(value["class"] if isinstance(value, dict) else json.dumps(value))


def layers_table() -> str:
    def fields(name: str, required: bool) -> str:
        own = layers.LAYERS[name].items()
        return code(*(f if required else f"{f}={plain(d)}" for f, d in own if (d is layers.REQUIRED) == required))

    return table("layer|required|default", ((f"`{n}`", fields(n, True), fields(n, False)) for n in layers.LAYERS))


def parts() -> str:
    tables = (layer_fields.INITIALIZERS, layer_fields.REGULARIZERS, layer_fields.CONSTRAINTS)
    kinds = zip(("initializer", "regularizer", "constraint"), tables, strict=True)
    rows = [(kind, f"`{name}`", code(*sorted(own))) for kind, known in kinds for name, own in known.items()]
    return table("kind|name|fields", [("activation", code(*sorted(layer_fields.ACTIVATIONS)), ""), *rows])


def operations() -> str:
    def parameter(p: ops.Parameter) -> str:
        return p.name if p.default is ops.REQUIRED else f"{p.name}={plain(p.default)}"

    symbols = {o.name: [f"tf.{symbol}" for symbol, x in ops.BY_SYMBOL.items() if x is o] for o in ops.BY_NAME.values()}
    return table("op|arguments|captured from", (
        (f"`{o.name}`", code(*map(parameter, o.parameters)), code(*symbols[o.name])) for o in ops.BY_NAME.values()
    ))  # fmt: skip


def encoders() -> str:
    rows = ((f, code(*(f"{name}={plain(default)}" for name, default in f.fields.items()))) for f in families.FAMILIES)
    return table("model_type|class|in transformers 4|fields, with the default of an omitted one", (
        (code(f.model_type), code(f.architecture), code(f.tensorflow), fields) for f, fields in rows
    ))  # fmt: skip


def grades() -> str:
    return table("grade|meaning", ((f"`{grade}`", meaning) for grade, meaning in MEANING.items()))


def planted() -> str:
    rows = ((f.what, f.where, " or ".join(f.grades), f.place or "none: only the golden shows it") for f in FAULTS)
    return table("fault|planted in|grade|place", rows)


def public_shapes() -> str:
    def state(shape: catalogue.Shape) -> str:
        refusal = REFUSED.get(shape.name)
        if refusal is None:
            return "yes"
        older = f" before TensorFlow {refusal.before[0]}.{refusal.before[1]}" if refusal.before else ""
        return f"refused{older}: {refusal.reason}"

    rows = ((s.module, s.name.replace("_", " "), s.where, state(s)) for s in catalogue.SHAPES)
    return table("kind|shape|met in|saved", rows)


def pinned() -> str:
    return table("variable|value", ((f"`{name}`", f"`{value}`") for name, value in launch.PINNED.items()))


def error_table() -> str:
    return table("error|exit code|meaning", (
        (f"`{kind.__name__}`", str(kind.exit_code), (kind.__doc__ or "").split("\n")[0]) for kind in error_classes()
    ))  # fmt: skip


Below = Mapping[str, tuple[type[BaseModel], str]]  # key -> the record below it, and the prefix of that record's keys


def keys() -> str:
    return _keys(matrix_file.Matrix, {
        "environments": (matrix_file.Environment, "environments.ID."),
        "expect": (matrix_file.Expectation, "expect[]."),
        "policy": (matrix_file.Tolerances, "policy."),
        "properties": (matrix_file.Properties, "properties."),
    })  # fmt: skip


def policies() -> str:
    return _keys(gate_policy.GatePolicy, {
        "environments": (gate_policy.Selection, "environments."),
        "bounds": (matrix_file.Tolerances, "bounds."),
        "behaviour": (gate_policy.Labels, "behaviour."),
        "budgets": (gate_policy.Budgets, "budgets."),
        "card": (gate_policy.Card, "card."),
    })  # fmt: skip


def default_policy() -> str:
    return f"```yaml\n{gate_policy.DEFAULT.read_text('utf-8')}```\n"


def release_checks() -> str:
    return table("check|question", ((f"`{name}`", checks.ASKS[name]) for name in checks.NAMES))


def _keys(whole: type[BaseModel], below: Below) -> str:
    def rows(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, ...]]:
        for name, field in model.model_fields.items():
            shown = prefix.removesuffix(".") if name == "id" else prefix + name  # an environment's key is its id
            default = "" if isinstance(field.default, BaseModel) else code(field.default)
            example = code(field.examples[0]) if field.examples else ""
            optional = default.replace("`()`", "none").replace("`None`", "none")
            yield code(shown), "required" if field.is_required() else optional, field.description or "", example
            if not prefix and name in below:
                yield from rows(*below[name])

    return table("key|default|what|example", rows(whole, ""))


def room_table() -> str:
    """Return the rooms of the package, low to high: each with its layer, and the first paragraph of its docstring."""
    sources = rooms.read_package()

    def row(room: str, layer: rooms.Layer) -> tuple[str, ...]:
        path = rooms.PACKAGE.joinpath(*room.split("."))
        shown = f"{path.relative_to(ROOT)}/" if path.is_dir() else f"{path.relative_to(ROOT)}.py"
        purpose = rooms.docstring(sources[room]).split("\n\n")[0].replace("\n", " ")
        return str(layer), f"`{shown if room else 'bert_bundle/__init__.py'}`", purpose

    return table("layer|room|what it holds", itertools.starmap(row, rooms.layers(sources).items()))


def environments() -> str:
    matrix = matrix_file.read_matrix(ROOT / matrix_file.FILE_NAME)
    return table("id|Python|as of|packages|groups", (
        (f"`{e.id}`", e.python, str(e.as_of), code(*e.packages), ", ".join(e.groups)) for e in matrix.environments
    ))  # fmt: skip


def breakages() -> str:
    return table("rule|runtime|why|fix|see", (
        (f"`{r.id}`", ", ".join(r.runtimes), r.why, r.fix, r.see) for r in known_breakages.RULES
    ))  # fmt: skip


def commands() -> str:
    found = [(path, command, options(command)) for path, command in leaves(cli)]
    shared = set.intersection(*(set(own) for _, _, own in found))
    chapters = [f"### options of every command\n\n{_options({k: v for k, v in found[0][2].items() if k in shared})}"]
    for path, command, own in found:
        help_text, _, examples = inspect.cleandoc(command.help or "").partition("\b\nExamples:\n")
        usage = click.Context(command, info_name=f"bert-bundle {path}").get_usage().removeprefix("Usage: ")
        listed = _options({k: v for k, v in own.items() if k not in shared})
        sh = re.sub(r"^  ", "", examples.rstrip(), flags=re.MULTILINE)
        chapters.append(f"### bert-bundle {path}\n\n`{usage}`\n\n{help_text.rstrip()}\n\n{listed}\n```sh\n{sh}\n```\n")
    return "\n".join(chapters)


def _options(own: Mapping[str, click.Option]) -> str:
    def row(p: click.Option) -> tuple[str, ...]:
        value = p.metavar or ("/".join(p.type.choices) if isinstance(p.type, click.Choice) else p.type.name.upper())
        default = PER_MACHINE.get(p.name or "", str(p.default) if p.show_default else "")
        return ", ".join(f"`{o}{'' if p.is_flag else ' ' + value}`" for o in p.opts[::-1]), p.help or "", default

    return table("option|what|default", map(row, own.values())) if own else "No options of its own.\n"


def documents() -> str:
    def rows(record: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, ...]]:
        for name, part in record.get("properties", {}).items():
            inner = part.get("items", part)
            path = f"{prefix}{name}{'[]' if 'items' in part else ''}"
            yield f"`{path}`", kind(inner), part.get("description", inner.get("description", ""))
            yield from rows(inner, f"{path}.")

    def kind(part: Mapping[str, Any]) -> str:
        if "anyOf" in part:
            return " or ".join(map(kind, part["anyOf"]))
        if "$ref" in part:
            return "[{0}](#{0})".format(part["$ref"].split("/")[-1])
        named = part["type"] if isinstance(part.get("type"), list) else [part.get("type", "string")]
        return code(*part["enum"]) if "enum" in part else " or ".join(named)

    chapters = []
    for path in sorted((ROOT / "docs" / "schema").glob("*.json")):
        schema = json.loads(path.read_text("utf-8"))
        whole = table("key|type|what", rows(schema)) if "properties" in schema else f"One {kind(schema)}.\n"
        chapters.append(f"### {path.name}\n\n{schema['title']}\n\n{whole}")
        chapters += [f"### {k}\n\n{table('key|type|what', rows(v))}" for k, v in schema.get("$defs", {}).items()]
    return "\n".join(chapters)


BLOCKS: Mapping[str, Callable[[], str]] = MappingProxyType({
    "checks": release_checks, "commands": commands, "default-policy": default_policy, "documents": documents,
    "encoders": encoders, "environments": environments, "errors": error_table, "grades": grades, "keys": keys,
    "layers": layers_table, "ops": operations, "parts": parts, "pinned": pinned, "planted-faults": planted,
    "policy": policies, "rooms": room_table, "rules": breakages, "shapes": public_shapes,
})  # fmt: skip
