"""What the tables in a graph read: their strings, and the dtypes of inputs."""

from typing import Any

import pytest

from bert_bundle.capturing.lookups import WRITERS
from bert_bundle.graph import tables
from bert_bundle.graph.graph import Call, Graph, Input, Layer, Ref
from bert_bundle.graph.layers import LOOKUPS, TABLES

STRINGS, INTEGERS = {"table": [["paris", 1], ["rome", 2]]}, {"table": [[12, 1], [7, 2]]}


def graph_of(layer: Layer) -> Graph:
    """Return a graph that calls one layer on its input."""
    nodes = (Input("given", (1,), "int32"), Call(layer.name, (Ref(0),), {}))
    return Graph("g", "Functional", (layer,), nodes, (("given", Ref(0)),), "single", (("out", Ref(1)),), "single")


@pytest.mark.parametrize(
    ("class_name", "config", "dtype"),
    [
        ("Lookup", STRINGS, "string"),
        ("Lookup", INTEGERS, "int64"),
        ("Words", STRINGS, "string"),
        ("Hashing", {"num_bins": 3}, "string"),
        ("Discretization", {"bin_boundaries": [0.5]}, None),
        ("Dense", {"units": 3}, None),
    ],
)
def test_an_input_has_the_dtype_that_its_table_reads(
    class_name: str, config: dict[str, Any], dtype: str | None
) -> None:
    layer = Layer("found", class_name, config=config)
    wanted = {"given": dtype} if dtype else {}
    assert tables.input_dtypes(graph_of(layer)) == wanted
    assert tables.input_dtypes(graph_of(Layer("tower", "Functional", graph=graph_of(layer)))) == wanted


def test_a_user_defined_class_of_that_name_reads_what_it_likes() -> None:
    layer = Layer("found", "Lookup", config=STRINGS, custom=True)
    assert tables.input_dtypes(graph_of(layer)) == {}
    assert tables.strings(graph_of(layer)) == []


def test_the_strings_of_a_nested_table_are_found() -> None:
    inner = graph_of(Layer("found", "Lookup", config=STRINGS))
    assert tables.strings(graph_of(Layer("tower", "Functional", graph=inner))) == ["paris", "rome"]


def test_each_lookup_of_keras_has_a_writer_and_no_table_layer_has_the_name_of_another() -> None:
    assert set(WRITERS) == LOOKUPS
    assert {"Discretization", "Hashing"} == TABLES & LOOKUPS
