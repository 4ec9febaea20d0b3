"""What an output ends in, from graphs that are written down: no Keras."""

from typing import Any

import pytest

from bert_bundle.graph.graph import Apply, Call, Graph, Input, Layer, Ref
from bert_bundle.graph.output_ends import End, output_ends
from bert_bundle.graph.output_tasks import graph_tasks

ENCODER = Layer("bert", "BertModel", encoder="bert")
HEAD = Layer("bert", "BertForTokenClassification", encoder="bert")


def dense(name: str, activation: str = "linear", units: int = 3) -> Layer:
    return Layer(name, "Dense", config={"units": units, "activation": activation})


def chain(*steps: Layer | Apply, start: Layer = ENCODER) -> Graph:
    """Return a graph in which each layer or op is applied to the output of the step before."""
    nodes: list[Any] = [Input("ids", (8,), "int32"), Call("bert", (), {"input_ids": Ref(0)})]
    for step in steps:
        last = Ref(len(nodes) - 1, "last_hidden_state" if len(nodes) == 2 else "")
        nodes.append(
            Call(step.name, (last,), {}) if isinstance(step, Layer) else Apply(step.op, {"x": last, **step.arguments})
        )
    layers = (start, *(step for step in steps if isinstance(step, Layer)))
    outputs = (("p", Ref(len(nodes) - 1)),)
    return Graph("model", "Functional", layers, tuple(nodes), (("ids", Ref(0)),), "single", outputs, "single")


def end(*steps: Layer | Apply, **start: Layer) -> End:
    return output_ends(chain(*steps, **start))["p"]


SOFTMAX, SIGMOID = Layer("soft", "Softmax"), Apply("sigmoid", {})
INSIDE = {"class": "Dense", "name": "d", "config": {"units": 2, "activation": "sigmoid"}}
WRAPPED = Layer("each", "TimeDistributed", config={"layer": INSIDE})
DROPOUT, FLAT = Layer("drop", "Dropout", config={"rate": 0.1}), Layer("flat", "Flatten")


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ((dense("d", "softmax"),), End("softmax")),
        ((dense("d"), SOFTMAX), End("softmax")),
        ((dense("d"), DROPOUT, SIGMOID), End("sigmoid")),
        ((dense("d"), Layer("a", "Activation", config={"activation": "sigmoid"})), End("sigmoid")),
        ((dense("d", "sigmoid"), Layer("a", "Activation", config={"activation": "linear"})), End("sigmoid")),
        ((dense("d", "tanh"),), End("")),
        ((dense("d", "softmax"), SIGMOID), End("sigmoid")),
        ((dense("d", "sigmoid"), dense("e")), End("linear")),
        ((dense("d", "sigmoid"), Apply("exp", {})), End()),
        ((dense("d", "sigmoid"), Apply("cast", {"dtype": "float32"})), End("sigmoid")),
        ((dense("d", units=1), FLAT, SOFTMAX), End("softmax", moved=True)),
        ((WRAPPED,), End("sigmoid")),
        ((Layer("l", "LSTM", config={"units": 1, "activation": "sigmoid"}),), End()),
        ((dense("d", "sigmoid"), Layer("mine", "Dense", config={"activation": "softmax"}, custom=True)), End()),
        ((), End("", "", "bert")),
    ],
)  # fmt: skip
def test_the_last_activation_is_found(steps: Any, expected: End) -> None:
    assert end(*steps) == expected


def test_the_numbers_of_a_class_with_a_head_are_known_through_what_follows() -> None:
    assert end(start=HEAD) == End("linear", "ForTokenClassification", "bert")
    assert end(SOFTMAX, start=HEAD) == End("softmax", "ForTokenClassification", "bert")


def test_a_nested_model_ends_in_what_its_output_ends_in() -> None:
    inner = Graph(
        "top", "Functional", (dense("d", "sigmoid"), dense("e", "softmax")),
        (Input("x", (4,), "float32"), Call("d", (Ref(0),), {}), Call("e", (Ref(0),), {})),
        (("x", Ref(0)),), "single", (("one", Ref(1)), ("two", Ref(2))), "dict",
    )  # fmt: skip
    graph = chain(Layer("top", "Functional", graph=inner))
    for output, expected in (("", "sigmoid"), ("one", "sigmoid"), ("two", "softmax"), ("1", "softmax")):
        changed = Graph(**{**vars(graph), "outputs": (("p", Ref(2, output)),)})
        assert output_ends(changed)["p"] == End(expected)


def test_a_chain_may_be_long() -> None:
    long = [Layer(f"drop_{i}", "Dropout", config={"rate": 0.1}) for i in range(5000)]
    assert end(dense("d", "sigmoid"), *long) == End("sigmoid")


@pytest.mark.parametrize(
    ("step", "shape", "task"),
    [
        (dense("d", "sigmoid"), (3,), ("multilabel", "probabilities")),
        (dense("d", "sigmoid"), (1,), ("binary", "probabilities")),
        (dense("d", "sigmoid"), (), ("binary", "probabilities")),
        (dense("d"), (3,), ("classes", "logits")),
        (dense("d"), (1,), ("regression", "values")),
        (dense("d"), (8, 3), ("tokens", "logits")),
        (dense("d"), (5, 3), ("classes", "logits")),
        (dense("d", "softmax"), (8,), ("classes", "probabilities")),
    ],
)
def test_the_task_follows_from_the_end_and_the_shape(
    step: Layer, shape: tuple[int, ...], task: tuple[str, str]
) -> None:
    assert graph_tasks(chain(step), {"p": shape}, {8}) == {"p": task}
