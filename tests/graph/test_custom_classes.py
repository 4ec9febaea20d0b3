"""Custom layer classes: their configs are plain data in both directions, and never name code."""

import enum
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bert_bundle.errors import FormatError, ModelError, ProofError, RuntimeUnavailableError
from bert_bundle.graph import custom_classes, graph_json
from bert_bundle.graph.graph import Call, Graph, Input, Layer, Ref
from bert_bundle.graph.layers import TABLES
from bert_bundle.keras_models import custom_layers
from bert_bundle.saving import proof


class Kind(enum.Enum):
    ONE = 1


class Configured:
    """An object with a `get_config`."""

    def __init__(self, **fields: Any) -> None:
        self.fields = {"name": "pool", "trainable": True, "dtype": "float32", "batch_input_shape": (None, 4), **fields}

    def get_config(self) -> dict[str, Any]:
        return self.fields


def graph(**config: Any) -> Graph:
    layers = (
        Layer("first", "mine>Pool", config=config, custom=True),
        Layer("second", "Other", policy="float64", trainable=False, custom=True),
    )
    nodes = (Input("x", (4,), "float32"), Call("first", (Ref(0),), {"power": 2}), Call("second", (Ref(1, "1"),), {}))
    return Graph("m", "Functional", layers, nodes, (("x", Ref(0)),), "list", (("y", Ref(2)),), "single")


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (np.float32(0.1), 0.1),
        ((1, (2, np.int64(3))), [1, [2, 3]]),
        ({"a": {"b": [None, True, "x"]}}, {"a": {"b": [None, True, "x"]}}),
        ("silu", "silu"),
        (
            {
                "module": "keras.regularizers",
                "class_name": "L2",
                "config": {"l2": np.float32(0.01)},
                "registered_name": 1,
            },
            {"class": "L2", "config": {"l2": 0.01}},
        ),
        ([{"class_name": "NonNeg", "config": {}}], [{"class": "NonNeg", "config": {}}]),
        (
            {"class_name": "RandomNormal", "config": {"mean": 0.0, "stddev": 0.3, "seed": None}},
            {"class": "RandomNormal", "config": {"stddev": 0.3}},
        ),
    ],
)
def test_a_config_is_stored_as_plain_data_and_reads_back(value: Any, kept: Any) -> None:
    config = custom_layers.config_of(Configured(field=value), "pool")
    assert config == {"field": kept}
    custom_classes.check_config(config, "x")
    assert graph_json.from_bytes(graph_json.to_bytes(graph(**config))) == graph(**config)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (Kind.ONE, "a value that is not plain data"),
        ({1, 2}, "a value that is not plain data"),
        (print, "a value that is not plain data"),
        ({1: 2}, "a value that is not plain data"),
        (float("inf"), "a number that is NaN or infinity"),
        ("\ud800", "a value that a bundle cannot hold"),
        ({"class_name": "Dense", "config": {"units": 1}}, "an initializer, regularizer or constraint"),
        ({"class_name": "L2", "config": {"l2": {"module": "os"}}}, "a value that is not plain data"),
        ({"class_name": ["L2"], "config": {}}, "an initializer, regularizer or constraint"),
        ({"module": "os"}, "an initializer, regularizer or constraint"),
        ([[[{"registered_name": "x"}]]], "an initializer, regularizer or constraint"),
        ({"class": "L2", "config": {"l2": 0.1}}, "an initializer, regularizer or constraint"),
    ],
)
def test_a_field_that_is_not_plain_data_is_refused_by_name(value: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        custom_layers.config_of(Configured(units=1, field=value), "pool")
    assert caught.value.place == "pool field"


@pytest.mark.parametrize("config", [[], None, {"name": "x"}, {"dtype": "float32"}, {"trainable": True}])
def test_a_config_with_fields_that_the_graph_records_is_malformed(config: Any) -> None:
    with pytest.raises(FormatError, match="a layer's configuration is malformed"):
        custom_classes.check_config(config, "x")


@pytest.mark.parametrize("value", [{"class_name": "L2", "config": {"l2": 0.1}}, {"class": "Zeros", "config": {"x": 1}}])
def test_an_object_that_is_not_in_canonical_form_is_refused(value: Any) -> None:
    with pytest.raises(FormatError, match="a layer's field is not in canonical form") as caught:
        custom_classes.check_config({"field": [value]}, "x")
    assert caught.value.place == "x/field"


def test_one_error_names_every_class_that_a_graph_needs() -> None:
    assert custom_classes.required_classes(graph(), {"Other": 1, "mine>Pool": 2, "unused": 3}) == {
        "Other": 1,
        "mine>Pool": 2,
    }
    with pytest.raises(
        RuntimeUnavailableError, match="a layer needs a class that the bundle does not contain"
    ) as caught:
        custom_classes.required_classes(graph(), {"Other": 1})
    assert (caught.value.place, caught.value.wanted) == ("first", "the class mine>Pool that the model was saved with")
    assert caught.value.found == "custom_objects with Other"
    assert "custom_objects={'Other': Other, 'mine>Pool': Pool}" in caught.value.fix


def test_a_custom_class_may_have_the_name_of_a_table_layer_as_before_there_were_any() -> None:
    classes: dict[str, Any] = dict.fromkeys(TABLES, object)
    assert custom_classes.checked_classes(classes) == classes


@pytest.mark.parametrize("name", sorted(custom_classes.BUILT_IN))
def test_a_built_in_layer_cannot_be_replaced(name: str) -> None:
    with pytest.raises(ModelError, match="a custom object has the name of a built-in layer") as caught:
        custom_classes.checked_classes({"Mine": object, name: object})
    assert caught.value.place == f"custom_objects {name}"


@pytest.mark.parametrize("name", ["", "x" * 201, "a\nb", 5, None])
def test_a_name_is_a_printable_string(name: Any) -> None:
    with pytest.raises(ModelError, match="not a valid name for a custom object"):
        custom_classes.checked_classes({name: object})


def test_folders_of_the_saving_process_are_looked_at_for_its_classes_only_and_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_pool.py").write_text("class Pool:\n    class Inner:\n        pass\n")
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = list(sys.path)
    assert proof.imported({}, [str(tmp_path)]) == {}
    assert sys.path == before
    found = proof.imported({"Inner": "own_pool:Pool.Inner"}, [str(tmp_path)])
    assert sys.path == [*before, str(tmp_path)]
    assert proof.references(found) == {"Inner": "own_pool:Pool.Inner"}
    with pytest.raises(ProofError, match="a custom class that a fresh process cannot import") as caught:
        proof.imported({"Gone": "own_pool:Gone"}, [])
    assert caught.value.fix.endswith("or pass prove=False")
