"""The catalogue of shapes against its builders and its refusals, without TensorFlow; the shapes run in environments."""

import ast
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from support.paths import ROOT
from support.shapes import recorded, use
from support.shapes.catalogue import SHAPES, Shape, share
from support.shapes.refusals import REFUSED

from bert_bundle.host.config.matrix_file import Matrix

BUILDERS = ROOT / "tests/support/shapes/builders"


def test_every_builder_is_in_the_catalogue_and_nothing_else() -> None:
    assert list(unlisted(SHAPES)) == []
    planted = [shape for shape in SHAPES if shape.name != "masked_mean"]
    assert list(unlisted([*planted, Shape("pooling", "masked_men", 1, 2, "x")])) == [
        "pooling.masked_mean: not in the catalogue",
        "pooling.masked_men: not a builder",
    ]


def test_the_environments_of_the_group_ci_build_every_shape_once(matrix: Matrix) -> None:
    found = (re.search(r"tensorflow\S*==2\.(\d+)", " ".join(row.packages)) for row in matrix.select(groups=["ci"]))
    releases = [(2, int(release[1])) for release in found if release]
    built = Counter(shape.name for each in releases for shape in share(each) if shape.since <= each)
    assert built == {shape.name: 1 for shape in SHAPES}


def test_a_count_is_at_most_that_of_the_hits_and_a_name_is_there_once() -> None:
    assert [shape for shape in SHAPES if not 0 <= shape.seen <= shape.hits] == []
    assert len({shape.name for shape in SHAPES}) == len(SHAPES)


def test_only_shapes_of_the_catalogue_are_refused() -> None:
    assert set(REFUSED) <= {shape.name for shape in SHAPES}


def test_what_is_refused_on_purpose_is_one_short_table_of_errors_that_exist() -> None:
    table = (ROOT / "docs/shapes.md").read_text("utf-8").partition("## Refused on purpose")[2]
    rows = [line for line in table.splitlines() if line.startswith("| ")][2:]
    assert 0 < len(rows) < 10
    assert list(unknown_errors(rows)) == []
    assert list(unknown_errors([rows[0].replace("cannot be traced", "can not be traced")])) == [
        "that can not be traced"
    ]


def unknown_errors(rows: Sequence[str]) -> Iterator[str]:
    """Yield each message in the second column of `rows` that is in no module of the package."""
    package = "".join(path.read_text("utf-8") for path in (ROOT / "bert_bundle").rglob("*.py"))
    for row in rows:
        yield from (message for message in re.findall("`([^`]+)`", row.split(" | ")[1]) if message not in package)


@pytest.mark.parametrize(
    ("found", "fault"),
    [
        ([[1.0, 2.0], [3.0, 4.0]], ""),
        ([[1.0, 2.0], [3.0, 4.00001]], ""),
        ([[1.0, 2.0], [3.0, 4.001]], "off by 2.5e-04 of the scale"),
        ([[1.0, 2.0]], "shapes [(1, 2)] instead of [(2, 2)]"),
        ([[1.0, 2.0], [3.0, float("nan")]], "off by nan of the scale"),
    ],
)
def test_a_difference_of_predictions_is_found(found: list[list[float]], fault: str) -> None:
    assert use.difference(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array(found), use.SINGLE) == fault


def test_outputs_by_name_are_compared_by_name() -> None:
    first, second = np.zeros((2, 3)), np.ones((2, 3))
    assert use.difference({"a": first, "b": second}, {"b": second, "a": first}, use.SINGLE) == ""
    assert use.difference({"a": first, "b": second}, {"b": first, "a": second}, use.SINGLE) != ""
    assert use.difference([second, second], [second, second * np.nan], use.SINGLE) == "off by nan of the scale"


@pytest.mark.parametrize("arrays", [np.zeros((2, 3)), [np.zeros(2), np.array(["a", ""], object)], {"x": np.ones(1)}])
def test_what_an_owner_has_is_read_as_it_was_written(arrays: object, tmp_path: Path) -> None:
    features = {"city": np.array(["é"], object)}
    owned = recorded.Recorded(arrays, [np.ones(2)], ["my bill", ""], None, features, "m", {"a": True})
    recorded.write(str(tmp_path / "owned.npz"), owned)
    np.testing.assert_equal(vars(recorded.read(str(tmp_path / "owned.npz"))), vars(owned))


def unlisted(shapes: Sequence[Shape]) -> Iterator[str]:
    """Yield each builder that is not in the catalogue, and each row without a builder."""
    paths = [path for path in BUILDERS.glob("*.py") if path.stem != "kit"]
    built = {(path.stem, name) for path in paths for name in builders(path.read_text("utf-8"))}
    listed = {(shape.module, shape.name) for shape in shapes}
    yield from (f"{module}.{name}: not in the catalogue" for module, name in sorted(built - listed))
    yield from (f"{module}.{name}: not a builder" for module, name in sorted(listed - built))


def builders(source: str) -> Iterator[str]:
    """Yield the public functions of a module."""
    functions = (node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef))
    return (node.name for node in functions if not node.name.startswith("_"))
