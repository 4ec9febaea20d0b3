"""The reference as the oracle of encoders: a golden that differs from what the papers define is noticed."""

import ast
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import expected_fingerprints, numpy_reference, reference_deberta, reference_names
from support.bundle_files import read_golden

from bert_bundle.classifiers import strategies
from bert_bundle.classifiers.specification import CLASSIC
from bert_bundle.format.golden import Golden
from bert_bundle.format.open_bundle import open_bundle
from bert_bundle.graph.graph import Apply, Call, Ref
from bert_bundle.host.workers.worker import Worker
from bert_bundle.loading.parts import Parts, read_parts

NAME = "bert_encoder"
DRAWN = {each["name"]: each for each in strategies.draw(8, seed=3)[1:]}
OTHERS = ("DistilBertModel", "RobertaForSequenceClassification", "ElectraForQuestionAnswering")  # always tested
DRAWN.update((name, {"class": name, "features": 0, "seed": 3}) for name in OTHERS)
PLAIN: list[dict[str, Any]] = [  # where faults are planted
    {},
    {"hidden": 12, "layers": 1, "heads": 2, "intermediate": 23, "types": 1, "activation": "relu"},
    {"hidden": 40, "layers": 3, "heads": 4, "intermediate": 64, "types": 3, "activation": "tanh", "epsilon": 1e-3},
]

Bundled = tuple[Parts, Golden]
Config = Mapping[str, Any]
Tensors = Mapping[str, np.ndarray]
Plant = Callable[[Config, Tensors], tuple[Config, Tensors]]


def parts_of(path: Path) -> Bundled:
    return read_parts(open_bundle(str(path))), read_golden(str(path))


@pytest.fixture(scope="module")
def classic(classic_bundle: Path) -> Bundled:
    return parts_of(classic_bundle)


@pytest.fixture(scope="module")
def plain(writer: Worker, tmp_path_factory: pytest.TempPathFactory) -> list[Bundled]:
    """Return the bundle of each of PLAIN, written by TensorFlow 2.15."""
    folder = tmp_path_factory.mktemp("plain")
    for number, specification in enumerate(PLAIN):
        writer.ask("generate", specification=specification, target=str(folder / f"{number}"))
    return [parts_of(folder / f"{number}") for number in range(len(PLAIN))]


def worst(bundled: Bundled) -> float:
    """Return the largest distance of the golden from the reference that rounds as its writer does."""
    rounded = numpy_reference.as_in_tensorflow((2, 15))
    return max(expected_fingerprints.distances(*bundled, bundled[1].layers, rounded).values())


def test_a_replay_of_the_classic_agrees_with_the_reference(
    classic: Bundled, classic_bundle: Path, writer: Worker
) -> None:
    distances = expected_fingerprints.distances(*classic, writer.ask("replay", bundle=str(classic_bundle))["layers"])
    states = [f"hidden_states.{number}" for number in range(3)]
    assert list(distances) == [f"3 {NAME} {output}" for output in (*states, "last_hidden_state", "pooler_output")]
    assert max(distances.values()) < numpy_reference.ROUNDED


@pytest.mark.parametrize("number", range(len(PLAIN)))
def test_the_golden_of_a_plain_classifier_agrees_with_the_reference(number: int, plain: list[Bundled]) -> None:
    assert worst(plain[number]) < numpy_reference.EXACT


SLOW = [name for name in DRAWN if name not in OTHERS]  # up to ten seconds each


@pytest.mark.parametrize("name", [*OTHERS, *(pytest.param(name, marks=pytest.mark.environments) for name in SLOW)])
def test_the_golden_of_a_drawn_classifier_agrees_with_the_reference(name: str, writer: Worker, tmp_path: Path) -> None:
    specification = {**CLASSIC, **DRAWN[name]}
    writer.ask("generate", specification=DRAWN[name], target=str(tmp_path / "bundle"))
    bundled = parts_of(tmp_path / "bundle")
    outputs = expected_fingerprints.fingerprints(*bundled)
    assert len({output.split()[0] for output in outputs}) == (1 if specification["towers"] == "one" else 2)
    assert worst(bundled) < numpy_reference.EXACT


def configured(**fields: Any) -> Plant:
    return lambda config, tensors: ({**config, **fields}, tensors)


def with_tensor(end: str, change: Callable[[np.ndarray], np.ndarray]) -> Plant:
    def plant(config: Config, tensors: Tensors) -> tuple[Config, Tensors]:
        (name,) = (name for name in tensors if name.endswith(end))
        return config, {**tensors, name: change(tensors[name])}

    return plant


def swapped(config: Config, tensors: Tensors) -> tuple[Config, Tensors]:
    first, second, aside = ("encoder.layer.0.", "encoder.layer.1.", "aside.")
    moved = {name.replace(first, aside).replace(second, first).replace(aside, second): n for name, n in tensors.items()}
    return config, moved


# What an encoder may compute wrongly, as changed files for the reference, and the classifiers where that matters.
FAULTS: dict[str, tuple[Callable[[dict[str, Any]], bool], Plant]] = {
    "a tanh GELU": (lambda s: s["activation"] == "gelu", configured(hidden_act="gelu_new")),
    "an epsilon changed": (lambda s: True, configured(layer_norm_eps=1e-6)),
    "another number of heads": (lambda s: s["heads"] > 1, configured(num_attention_heads=1)),
    "two layers swapped": (lambda s: s["layers"] > 1, swapped),
    "a bias zeroed": (lambda s: True, with_tensor("layer.0.attention.output.dense.bias", np.zeros_like)),
    "a kernel transposed": (lambda s: True, with_tensor("layer.0.attention.self.query.weight", np.transpose)),
    "token types ignored": (lambda s: True, with_tensor("token_type_embeddings.weight", np.zeros_like)),
    "positions off by one": (
        lambda s: True,
        with_tensor("position_embeddings.weight", lambda table: np.roll(table, -1, axis=0)),
    ),
}
PLANTED = [(name, n) for name, (makes, _) in FAULTS.items() for n, s in enumerate(PLAIN) if makes({**CLASSIC, **s})]


@pytest.mark.parametrize(("fault", "number"), PLANTED)
def test_an_encoder_that_computes_something_else_is_noticed(fault: str, number: int, plain: list[Bundled]) -> None:
    parts, golden = plain[number]
    config, tensors = FAULTS[fault][1](parts.configs[NAME], parts.encoders[NAME])
    faulty = replace(parts, configs={NAME: config}, encoders={NAME: tensors})
    assert worst((faulty, golden)) > 10 * numpy_reference.ROUNDED


def test_every_fault_is_planted_somewhere() -> None:
    assert {fault for fault, _ in PLANTED} == set(FAULTS)


def test_a_missing_output_has_an_infinite_distance(classic: Bundled) -> None:
    parts, golden = classic
    seen = [layer for layer in golden.layers if not layer[0].endswith("pooler_output")]
    *others, pooler = expected_fingerprints.distances(parts, golden, seen).values()
    assert (max(others) < numpy_reference.ROUNDED, pooler) == (True, math.inf)


def fed(parts: Parts, **feeds: Any) -> Parts:
    """Return the parts with other arguments of the encoder's call; an `Apply` is appended to the nodes."""
    nodes = list(parts.graph.nodes)
    call = nodes[3]
    assert isinstance(call, Call)
    kwargs = dict(call.kwargs)
    for name, value in feeds.items():
        kwargs[name] = value
        if isinstance(value, Apply):
            kwargs[name] = Ref(len(nodes))
            nodes.append(value)
    nodes[3] = replace(call, kwargs=kwargs)
    return replace(parts, graph=replace(parts.graph, nodes=tuple(nodes)))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "bool", "int64"])
def test_a_mask_that_is_cast_is_the_same_mask(dtype: str, classic: Bundled) -> None:
    parts, golden = classic
    cast = fed(parts, attention_mask=Apply("cast", {"x": Ref(1), "dtype": dtype}))
    assert expected_fingerprints.fingerprints(cast, golden) == expected_fingerprints.fingerprints(parts, golden)


@pytest.mark.parametrize(
    "feeds",
    [
        {"attention_mask": Apply("add", {"x1": Ref(1), "x2": 0})},
        {"inputs_embeds": Ref(2)},
        {"input_ids": None},
        {"training": True},
    ],
)
def test_an_encoder_with_arguments_other_than_the_model_s_tokens_is_not_compared(
    feeds: dict[str, Any], classic: Bundled
) -> None:
    parts, golden = classic
    assert expected_fingerprints.fingerprints(fed(parts, **feeds), golden) == {}


def test_erf_is_right_to_the_last_place() -> None:
    """By the Maclaurin series in sixty digits: 2 / sqrt(pi) times the sum of (-1)^n x^(2n+1) / (n! (2n+1))."""
    grid = np.linspace(-5.5, 5.5, 221)
    for x, seen in zip(grid, numpy_reference.erf(grid), strict=True):
        with localcontext(prec=60):
            exact, term, n = Decimal(0), Decimal(float(x)), 0
            while abs(term) > Decimal("1e-40"):
                exact += term / (2 * n + 1)
                n += 1
                term = -term * Decimal(float(x)) ** 2 / n
            exact *= 2 / Decimal("3.14159265358979323846264338327950288419716939937510582097494459").sqrt()
            assert abs(Decimal(float(seen)) - exact) <= Decimal(float(np.spacing(abs(seen)))), x


def test_the_reference_does_not_import_the_code_that_it_checks() -> None:
    allowed = {"__future__", "collections", "dataclasses", "math", "numpy", "support", "typing"}
    assert modules_of(Path(numpy_reference.__file__).read_text("utf-8")) == allowed
    assert modules_of(Path(reference_deberta.__file__).read_text("utf-8")) < allowed
    assert modules_of(Path(reference_names.__file__).read_text("utf-8")) == set()


@pytest.mark.parametrize(
    "line", ["from ..encoders import families", "import bert_bundle", "def f():\n    from . import paths"]
)
def test_an_import_of_that_code_would_be_noticed(line: str) -> None:
    assert modules_of("import math\n" + line) > {"math"}


def modules_of(source: str) -> set[str]:
    """Return the top-level modules that a source imports; "." for a relative import."""
    nodes = list(ast.walk(ast.parse(source)))
    plain = {alias.name.split(".")[0] for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return plain | {
        "." if node.level else str(node.module).split(".")[0] for node in nodes if isinstance(node, ast.ImportFrom)
    }
