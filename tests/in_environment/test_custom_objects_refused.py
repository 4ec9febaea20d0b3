"""Custom classes that cannot be stored by name: refused at save or at load, naming the layer and the field."""

import os

import pytest
import tensorflow as tf
from kept import around
from test_capture import tiny_encoder

import bert_bundle
from bert_bundle import errors

RUNTIME = "transformers"

pytestmark = pytest.mark.usefixtures("as_users_build")  # the layers run user code


class _Base(tf.keras.layers.Layer):
    def call(self, states):
        return states[:, 0]


class _Silent(_Base):
    def get_config(self):
        raise NotImplementedError("as in Keras 2, where it is not overridden")


class _Nameless(_Base):
    def get_config(self):
        return {"factor": 2}


class _Configured(_Base):
    def __init__(self, value=None, **kwargs):
        super().__init__(**kwargs)
        self.value = value

    def get_config(self):
        return {**super().get_config(), "value": self.value}


class _Forgets(_Base):
    def __init__(self, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, states):
        return states[:, 0] * self.factor

    def get_config(self):
        return super().get_config()


class _Single(_Configured):
    def call(self, states):
        return states[:, 0] + tf.constant(1.0, "float32")


class _Box:
    """An object that Keras does not search for variables."""


class _Hidden(_Configured):
    def build(self, shape):
        self.value = None
        self.box = _Box()
        self.box.kernel = self.add_weight(name="kernel", shape=())

    def call(self, states):
        return states[:, 0] * self.box.kernel


class _Shared(_Configured):
    def call(self, states):
        return states[:, 0] * self.kernel


class _Model(tf.keras.Model):
    pass


class _Lambda(tf.keras.layers.Lambda):
    pass


REFUSED = {  # the layer, the message, the place
    "no configuration": (lambda: _Silent(name="l"), "without a complete get_config", "l"),
    "no name in it": (lambda: _Nameless(name="l"), "without a complete get_config", "l name"),
    "a function": (lambda: _Configured(tf.nn.relu, name="l"), "a value that is not plain data", "l value"),
    "a layer": (
        lambda: _Configured({"class_name": "Dense", "config": {"units": 2}}, name="l"),
        "an initializer, regularizer or constraint that a bundle cannot represent",
        "l value",
    ),
    "code by name": (
        lambda: _Configured([{"module": "os", "class_name": "system", "config": {}}], name="l"),
        "an initializer, regularizer or constraint that a bundle cannot represent",
        "l value",
    ),
    "keys that are not strings": (lambda: _Configured({1: 2}, name="l"), "a value that is not plain data", "l value"),
    "a value of NaN": (lambda: _Configured(float("nan"), name="l"), "a number that is NaN or infinity", "l value"),
    "an invalid string": (lambda: _Configured("\ud800", name="l"), "a value that a bundle cannot hold", "l value"),
    "an argument that is forgotten": (
        lambda: _Forgets(2.0, name="l"),
        "the captured graph does not compute what the model computes",
        "probabilities",
    ),
    "float32 whatever the dtype": (lambda: _Single(name="l"), "a custom layer that fails when it is called", "l"),
    "a weight out of sight": (
        lambda: _Hidden(name="l"),
        "a weight of a custom layer that is in none of its attributes",
        "l",
    ),
}


@pytest.mark.parametrize("case", list(REFUSED))
def test_a_custom_layer_that_cannot_be_rebuilt_is_refused_by_name_and_field(case, save, tmp_path):
    make, message, place = REFUSED[case]
    layer = make()
    with pytest.raises(errors.ModelError, match=message) as caught:
        save(around(layer, RUNTIME), tmp_path / "bundle", custom_objects={"Kept": type(layer)})
    assert caught.value.place == place
    assert any((caught.value.wanted, caught.value.fix, caught.value.found))
    assert os.listdir(str(tmp_path)) == []


def test_a_weight_of_two_layers_is_refused(keras, save, tmp_path):
    first, second = _Shared(name="first"), _Shared(name="second")
    first.kernel = second.kernel = first.add_weight(name="kernel", shape=(), initializer="ones")
    made = around(lambda states: {"a": first(states), "b": second(states)}, RUNTIME)
    with pytest.raises(errors.ModelError, match="a weight that two layers share") as caught:
        save(made, tmp_path / "bundle", custom_objects={"Shared": _Shared})
    assert (caught.value.place, caught.value.found) == ("second/kernel", "the same as first/kernel")


GIVEN = {
    "a function": ({"relu6": tf.nn.relu6}, "a custom object that cannot be stored by name", "custom_objects relu6"),
    "an instance": ({"one": _Base()}, "a custom object that cannot be stored by name", "custom_objects one"),
    "a class of Keras": (
        {"Mine": tf.keras.layers.Dense},
        "a custom object that cannot be stored by name",
        "custom_objects Mine",
    ),
    "a Lambda": ({"Mine": _Lambda}, "a custom object that cannot be stored by name", "custom_objects Mine"),
    "a model": ({"Mine": _Model}, "a custom object that cannot be stored by name", "custom_objects Mine"),
    "a name of Keras": ({"Dense": _Base}, "has the name of a built-in layer", "custom_objects Dense"),
    "a name of an encoder": ({"BertModel": _Base}, "has the name of a built-in layer", "custom_objects BertModel"),
    "no name": ({"": _Base}, "not a valid name for a custom object", "custom_objects"),
}


@pytest.mark.parametrize("case", list(GIVEN))
def test_a_custom_object_that_is_not_a_user_defined_layer_class_is_refused(case, classic, save, tmp_path):
    given, message, place = GIVEN[case]
    with pytest.raises(errors.ModelError, match=message) as caught:
        save(classic, tmp_path / "bundle", custom_objects=given)
    assert caught.value.place == place
    assert caught.value.fix
    assert os.listdir(str(tmp_path)) == []


def test_a_built_in_layer_is_not_replaced_at_load(classic_bundle):
    with pytest.raises(errors.ModelError, match="a custom object has the name of a built-in layer"):
        bert_bundle.load(classic_bundle, custom_objects={"Dense": _Base})


def test_an_encoder_inside_a_custom_layer_is_refused(keras, save, tmp_path):
    class Holds(_Base):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.other = tiny_encoder("other")
            self.other(tf.zeros((1, 2), "int32"))

    with pytest.raises(errors.ModelError, match="an encoder inside a custom layer that is stored by name") as caught:
        save(around(Holds(name="holds"), RUNTIME), tmp_path / "bundle", custom_objects={"Holds": Holds})
    assert (caught.value.place, caught.value.found) == ("holds", "other (TFBertModel)")
