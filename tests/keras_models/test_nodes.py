"""Names of layers and inputs: those that every Keras of the matrix accepts. Needs no Keras."""

import pytest

from bert_bundle.errors import ModelError
from bert_bundle.keras_models.nodes import check_name


@pytest.mark.parametrize("name", ["dense", "Dense_1", "1st", ".hidden", "pool.scale", "a-b"])
def test_a_plain_name_is_accepted(name: str) -> None:
    check_name(name, "place", is_input=False)
    check_name(name, "place", is_input=True)


@pytest.mark.parametrize("name", ["größe", "with space", "x:0", "_x", "-x", "日本", "dense\n"])
def test_a_name_that_is_not_a_tensorflow_scope_is_refused_for_layers_only(name: str) -> None:
    check_name(name, "place", is_input=True)
    with pytest.raises(ModelError, match="a name that not every Keras accepts") as caught:
        check_name(name, "place", is_input=False)
    assert caught.value.place == "place"
    assert caught.value.wanted.startswith("letters, digits")


@pytest.mark.parametrize("is_input", [True, False])
def test_a_name_with_a_slash_is_refused_for_keras_3(is_input: bool) -> None:
    with pytest.raises(ModelError, match="a name that not every Keras accepts"):
        check_name("a/b", "place", is_input=is_input)
