"""One layer of the vocabulary, constructed with the Keras that is bound, Keras 2 or Keras 3.

Also checks whether a Keras release has the layer, before anything is built.

Does not know: graphs.
"""

from types import ModuleType
from typing import Any, Dict, Iterator, Mapping, Tuple

from bert_bundle.errors import RuntimeUnavailableError
from bert_bundle.graph import layer_fields
from bert_bundle.graph.layers import FIRST_RELEASE, KERAS_2_NAMES, WRAPPED
from bert_bundle.interpreter.known_breakages import VersionNumbers
from bert_bundle.keras_models import table_layers

VARIABLE = "Variable"


def check_release(class_name: str, config: Mapping[str, Any], release: VersionNumbers, place: str) -> None:
    """Raise RuntimeUnavailableError, naming the first release that has it, for a layer that `release` does not have."""
    for name, (major, minor) in _first_releases(class_name, config):
        if release < (major, minor):
            raise RuntimeUnavailableError(
                "a layer that this Keras does not have",
                place=place,
                wanted="{}: TensorFlow {}.{} or newer, or Keras 3".format(name, major, minor),
                found="Keras {}.{}".format(*release[:2]),
                fix="load the bundle where a newer TensorFlow is installed",
            )


def make(keras: ModuleType, class_name: str, name: str, config: Mapping[str, Any], policy: str, float64: bool) -> Any:
    """Return an unbuilt layer with this canonical configuration; with `float64` a layer inside it is float64 too.

    Raises RuntimeUnavailableError for a layer that computes on strings where Keras has another backend than TensorFlow.
    """
    table_layers.check_backend(keras, class_name, config, name)
    renamed = KERAS_2_NAMES.get(class_name, {}) if release_of(keras) < (3, 0) else {}
    arguments: Dict[str, Any] = {}
    for field, value in config.items():
        if field in WRAPPED:
            inner = "float64" if float64 else value.get("dtype", "float32")
            value = make(keras, value["class"], value["name"], value["config"], inner, float64)
        arguments[renamed.get(field, field)] = layer_fields.as_keras(value)
    return _class_of(keras, class_name)(name=name, dtype=dtype_of(keras, policy), **arguments)


def hold(
    keras: ModuleType, name: str, variable: Any, policy: str, *, trainable: bool, regularizer: Any, constraint: Any
) -> Any:
    """Return a `Variable` layer that returns a live variable of another layer as a tensor."""
    return _variable_class(keras)(
        list(variable.shape),
        regularizer,
        constraint,
        weight=variable,
        name=name,
        dtype=dtype_of(keras, policy),
        trainable=trainable,
    )


def _class_of(keras: ModuleType, class_name: str) -> Any:
    """Return the class of the vocabulary with that name: one of this package, or that of Keras."""
    if class_name == VARIABLE:
        return _variable_class(keras)
    return table_layers.classes(keras).get(class_name) or keras_class(keras, class_name)


def keras_class(keras: ModuleType, class_name: str) -> Any:
    """Return the layer class of Keras with that name, or None; until 2.5 some were in `experimental.preprocessing`."""
    experimental = getattr(getattr(keras.layers, "experimental", None), "preprocessing", None)
    return getattr(keras.layers, class_name, getattr(experimental, class_name, None))


def is_of_vocabulary(keras: ModuleType, layer: Any) -> bool:
    """Return whether the layer's class is one of Keras itself, or of this package."""
    is_own = is_variable_layer(layer) or table_layers.is_table_layer(layer)
    return is_own or type(layer) is keras_class(keras, type(layer).__name__)


def is_variable_layer(layer: Any) -> bool:
    """Return whether the layer is a `Variable`."""
    return type(layer).__module__ == __name__


def dtype_of(keras: ModuleType, policy: str) -> Any:
    """Return the `dtype` argument of a layer for a dtype policy. Keras 2.4 takes a mixed policy only as an object."""
    needs_object = policy.startswith("mixed_") and release_of(keras) < (3, 0)
    return keras.mixed_precision.Policy(policy) if needs_object else policy


def _variable_class(keras: ModuleType) -> Any:
    base: Any = keras.layers.Layer

    class Variable(base):  # type: ignore[misc]
        """A weight by itself, returned as a tensor of its own shape; the input is ignored."""

        def __init__(
            self,
            shape: Any,
            weight_regularizer: Any = None,
            weight_constraint: Any = None,
            *,
            weight: Any = None,
            **kwargs: Any,
        ) -> None:
            super().__init__(**kwargs)
            self.size = [int(length) for length in shape]
            self.weight_regularizer = keras.regularizers.get(weight_regularizer)
            self.weight_constraint = keras.constraints.get(weight_constraint)
            if weight is None:
                weight = self.add_weight(
                    name="weight",
                    shape=self.size,
                    initializer="zeros",
                    regularizer=self.weight_regularizer,
                    constraint=self.weight_constraint,
                )
            self.weight = weight

        def call(self, inputs: Any) -> Any:
            if hasattr(keras, "ops"):
                return keras.ops.convert_to_tensor(self.weight)
            import tensorflow

            return tensorflow.convert_to_tensor(self.weight)

        def get_config(self) -> Any:
            return {
                **super().get_config(),
                "shape": list(self.size),
                "weight_regularizer": keras.regularizers.serialize(self.weight_regularizer),
                "weight_constraint": keras.constraints.serialize(self.weight_constraint),
            }

    return Variable


def release_of(keras: ModuleType) -> Tuple[int, int]:
    """Return (major, minor) of Keras 3, or of the TensorFlow of Keras 2, which has no version of its own everywhere."""
    version = str(getattr(keras, "__version__", "2"))
    if version.startswith("2"):
        import tensorflow

        version = tensorflow.__version__
    major, minor = version.split(".")[:2]
    return int(major), int(minor)


def _first_releases(class_name: str, config: Mapping[str, Any]) -> Iterator[Tuple[str, Tuple[int, int]]]:
    """Yield (class or "Class.field", first TensorFlow release that has it) for a layer and the layers inside it."""
    for name in [class_name, *(class_name + "." + field for field in config)]:
        if name in FIRST_RELEASE:
            yield name, FIRST_RELEASE[name]
    for field in WRAPPED:
        if field in config:
            yield from _first_releases(config[field]["class"], config[field]["config"])
