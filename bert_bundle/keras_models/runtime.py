"""The two runtimes: which Keras a model is made of, and what builds its encoders.

A runtime is `transformers` (Keras 2 and the TensorFlow classes of transformers 4) or `native` (Keras 3 on any of its
backends, and the encoder layers of this package). Where the two differ, each has a module with the same functions: a
`Dialect` for models and an `EncoderModule` for encoders.

Does not know: graphs.
"""

import sys
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from bert_bundle.encoders.encoder_module import EncoderModule
from bert_bundle.errors import ConfigError, ModelError, RuntimeUnavailableError
from bert_bundle.graph import custom_classes
from bert_bundle.graph.custom_classes import Classes
from bert_bundle.interpreter import installed, known_breakages
from bert_bundle.keras_models.dialect import Dialect
from bert_bundle.keras_models.nodes import is_from_keras

TRANSFORMERS, NATIVE, AUTO = known_breakages.TRANSFORMERS, known_breakages.NATIVE, known_breakages.AUTO
RUNTIMES = known_breakages.RUNTIMES


@dataclass(frozen=True)
class Runtime:
    """A runtime that is imported. `classes`: user-defined layer classes that are stored by name, not traced."""

    name: str
    keras: ModuleType
    dialect: Dialect
    encoders: EncoderModule
    classes: Classes = field(default_factory=dict)


def bind(runtime: str = AUTO, classes: Classes = custom_classes.NONE) -> Runtime:
    """Return the runtime of that name; "auto" prefers `transformers`, if the installed packages provide it.

    Known breakages are checked before anything is imported. Raises RuntimeUnavailableError, naming what is missing,
    ConfigError for an unknown name, and ModelError for a class that is not a custom layer of that Keras.
    """
    if runtime not in (AUTO, *RUNTIMES):
        raise ConfigError("no such runtime", place="runtime", wanted=", ".join((AUTO, *RUNTIMES)), found=runtime)
    bound = _bind(known_breakages.choose(runtime), classes)
    _check_classes(classes, bound.keras)
    return bound


def _bind(runtime: str, classes: Classes) -> Runtime:
    if runtime == NATIVE:
        from bert_bundle.keras_models import keras3

        keras = keras3.bind()  # before `native`, which imports Keras as it is set up
        from bert_bundle.encoders import native

        return Runtime(NATIVE, keras, keras3, native, classes)
    from bert_bundle.encoders import transformers
    from bert_bundle.keras_models import keras2

    return Runtime(TRANSFORMERS, keras2.bind(), keras2, transformers, classes)


def bind_for(model: Any, classes: Classes = custom_classes.NONE) -> Runtime:
    """Return the runtime that `model` was built in; if both are installed, "auto" might choose the other one."""
    keras = sys.modules.get("keras")
    is_keras3 = known_breakages.version_numbers({"keras": getattr(keras, "__version__", "")}, "keras") >= (3,)
    is_native = keras is not None and is_keras3 and isinstance(model, keras.Model)
    return bind(NATIVE if is_native else TRANSFORMERS, classes)


def bound_version(runtime: str = AUTO) -> known_breakages.VersionNumbers:
    """Return the version that `bind` would bind, of Keras 3 or of the TensorFlow of Keras 2, without importing it.

    Empty if no runtime is available; `bind` raises the reason.
    """
    versions = known_breakages.installed_versions()
    try:
        chosen = known_breakages.choose(runtime, versions)
    except RuntimeUnavailableError:
        return ()
    return known_breakages.version_numbers(
        versions, *(("keras",) if chosen == NATIVE else installed.BACKENDS["tensorflow"])
    )


def _check_classes(classes: Classes, keras: ModuleType) -> None:
    """Raise ModelError for a class that is not a user-defined layer class of this Keras."""
    for name, cls in classes.items():
        is_layer = isinstance(cls, type) and issubclass(cls, keras.layers.Layer)
        if not is_layer or issubclass(cls, (keras.Model, keras.layers.Lambda)) or is_from_keras(cls):
            raise ModelError(
                "a custom object that cannot be stored by name",
                place="{} {}".format(custom_classes.PLACE, name),
                wanted="a user-defined subclass of {}.layers.Layer".format(keras.__name__),
                found="{}.{}".format(getattr(cls, "__module__", ""), getattr(cls, "__name__", type(cls).__name__)),
                fix="remove it: models and Lambdas are traced; write functions with built-in layers and tensor ops",
            )
