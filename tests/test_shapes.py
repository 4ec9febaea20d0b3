"""The catalogue of shapes against its builders and its refusals, without TensorFlow; the shapes run in environments."""

import ast
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from support.paths import ROOT
from support.shapes.catalogue import SHAPES, Shape, third
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


def test_the_environments_of_the_group_ci_build_every_shape_twice(matrix: Matrix) -> None:
    found = (re.search(r"tensorflow\S*==2\.(\d+)", " ".join(row.packages)) for row in matrix.select(groups=["ci"]))
    built = Counter(shape.name for release in found if release for shape in third((2, int(release[1]))))
    assert built == {shape.name: 2 for shape in SHAPES}


def test_a_count_is_at_most_that_of_the_hits_and_a_name_is_there_once() -> None:
    assert [shape for shape in SHAPES if not 0 <= shape.seen <= shape.hits] == []
    assert len({shape.name for shape in SHAPES}) == len(SHAPES)


def test_only_shapes_of_the_catalogue_are_refused() -> None:
    assert set(REFUSED) <= {shape.name for shape in SHAPES}


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
