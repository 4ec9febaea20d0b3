"""A strict reader of YAML files. Does not know what the data means.

Only mappings, lists and plain values are allowed. Anchors, aliases, tags and merge keys hide what a file means, and
YAML keeps only the last value of a repeated key. All of them are refused, with their line.
"""

from pathlib import Path
from typing import Any

import yaml

from bert_bundle.errors import ConfigError
from bert_bundle.host.config.text_files import read_text

DEEPEST = 16  # levels of nesting; PyYAML recurses at least once per level


def read(path: Path) -> Any:
    """Return the document in `path`: dicts with string keys, lists, strings, numbers, booleans, dates, None.

    Raises ConfigError, with the place "NAME: line L, column C", for a file that is missing, larger than a megabyte,
    not UTF-8, not YAML, or that uses a construct that is not allowed.
    """
    text = read_text(path)
    try:
        loader = _StrictLoader(text)
        return loader.get_single_data()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise ConfigError(
            error.problem or "not YAML",
            place=f"{path.name}: line {mark.line + 1}, column {mark.column + 1}" if mark else path.name,
            fix=error.note or "correct the YAML there",
        ) from error
    except yaml.YAMLError as error:
        raise ConfigError(
            "not YAML", place=path.name, wanted="printable text", found=error, fix="save it as plain text"
        ) from error


class _StrictLoader(yaml.SafeLoader):
    """PyYAML's safe loader, which refuses what is not allowed before it builds any value."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            raise _refusal("aliases are not allowed", event, "write the value out")
        if getattr(event, "anchor", None) is not None:
            raise _refusal(
                "anchors are not allowed", event, "remove the &name and write the value out where it is needed"
            )
        if getattr(event, "tag", None) is not None:
            raise _refusal("tags are not allowed", event, "remove the !tag, and quote the value if it is a string")
        if self.depth == DEEPEST:
            raise _refusal(f"more than {DEEPEST} levels of nesting", event, "nest less deeply")
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                raise _refusal("merge keys are not allowed", key, "write the merged keys out")
            if key.tag != "tag:yaml.org,2002:str":
                raise _refusal("a key is not a string", key, "put the key in quotes")
            if key.value in seen:
                raise _refusal(
                    f"the key '{key.value}' is repeated", key, "remove one, because YAML keeps only the last"
                )
            seen.add(key.value)
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep=deep)
        except (ValueError, OverflowError) as error:  # 2022-13-01 has the form of a date
            raise _refusal(f"an invalid value: {error}", node, "correct the value, or put it in quotes") from error


def _refusal(problem: str, at: Any, fix: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=at.start_mark, note=fix)
