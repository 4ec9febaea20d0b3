"""One layer of the vocabulary made in the Keras at hand, whichever that is; knows nothing of graphs.

Refuses what this Keras is too old for before anything is made of it.
"""

from typing import Any, Iterator, Mapping, Tuple

from bert_bundle.errors import RuntimeUnavailableError
from bert_bundle.graph import layer_fields
from bert_bundle.graph.layers import FIRST, KERAS_2_NAMES, WRAPPED
from bert_bundle.interpreter.known_breakages import VersionNumbers

VARIABLE = "Variable"


def check_release(class_name: str, config: Mapping[str, Any], release: VersionNumbers, place: str) -> None:
    """Raises RuntimeUnavailableError, naming the first release that has it, for what Keras `release` does not have."""
    for name, (major, minor) in _firsts(class_name, config):
        if release < (major, minor):
            raise RuntimeUnavailableError(
                "a layer that this Keras does not have",
                place=place,
                wanted="{}: TensorFlow {}.{} or newer, or Keras 3".format(name, major, minor),
                found="Keras {}.{}".format(*release[:2]),
                fix="load the bundle where a newer TensorFlow is installed",
            )


def make(keras: Any, class_name: str, name: str, config: Mapping[str, Any], policy: str, float64: bool) -> Any:
    """The layer with its canonical configuration, unbuilt; what it wraps is float64 too with `float64`."""
    renamed = KERAS_2_NAMES.get(class_name, {}) if release_of(keras) < (3, 0) else {}
    arguments = {}
    for field, value in config.items():
        if field in WRAPPED:
            inner = "float64" if float64 else value.get("dtype", "float32")
            value = make(keras, value["class"], value["name"], value["config"], inner, float64)
        arguments[renamed.get(field, field)] = layer_fields.as_keras(value)
    cls = _variable(keras) if class_name == VARIABLE else getattr(keras.layers, class_name)
    return cls(name=name, dtype=dtype_of(keras, policy), **arguments)


def hold(keras: Any, name: str, variable: Any, policy: str, trainable: bool) -> Any:
    """The layer that gives a live variable of somebody else's as a tensor."""
    return _variable(keras)(
        list(variable.shape), variable, name=name, dtype=dtype_of(keras, policy), trainable=trainable
    )


def is_ours(layer: Any) -> bool:
    """Whether the layer's class is the one that is no Keras'."""
    return type(layer).__module__ == __name__


def dtype_of(keras: Any, name: str) -> Any:
    """What a layer takes as its dtype: Keras 2.4 takes a name for that of one dtype."""
    two_dtypes = name.startswith("mixed_") and release_of(keras) < (3, 0)
    return keras.mixed_precision.Policy(name) if two_dtypes else name


def _variable(keras: Any) -> Any:
    class Variable(keras.layers.Layer):  # type: ignore[misc]
        """A weight by itself, as a tensor of its own shape; what it is called on is ignored."""

        def __init__(self, shape: Any, held: Any = None, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.size = [int(length) for length in shape]
            self.held = held if held is not None else self.add_weight(name="held", shape=self.size, initializer="zeros")

        def call(self, inputs: Any) -> Any:
            if hasattr(keras, "ops"):
                return keras.ops.convert_to_tensor(self.held)
            import tensorflow

            return tensorflow.convert_to_tensor(self.held)

        def get_config(self) -> Any:
            return {**super().get_config(), "shape": list(self.size)}

    return Variable


def release_of(keras: Any) -> Tuple[int, int]:
    """(major, minor) of a Keras 3; for Keras 2 that of its TensorFlow (not every release says its own)."""
    version = str(getattr(keras, "__version__", "2"))
    if version.startswith("2"):
        import tensorflow

        version = tensorflow.__version__
    major, minor = version.split(".")[:2]
    return int(major), int(minor)


def _firsts(class_name: str, config: Mapping[str, Any]) -> "Iterator[Tuple[str, Tuple[int, int]]]":
    for name in [class_name, *(class_name + "." + field for field in config)]:
        if name in FIRST:
            yield name, FIRST[name]
    for field in WRAPPED:
        if field in config:
            yield from _firsts(config[field]["class"], config[field]["config"])
