"""Which Keras a model is made of, and what makes its encoders; knows nothing of graphs.

A runtime is one of two: `transformers` (Keras 2 and the TensorFlow classes of transformers 4) or `native` (Keras 3, on
any of its backends, and encoder layers of our own). What differs between the two is said in modules that have the same
functions: `keras2` and `keras3` for the models, `encoders.transformers` and `encoders.native` for the encoders.
"""

import sys
from dataclasses import dataclass, field
from typing import Any

from bert_bundle.errors import ConfigError, RuntimeUnavailableError
from bert_bundle.graph import custom_classes
from bert_bundle.graph.custom_classes import Classes
from bert_bundle.interpreter import installed, known_breakages
from bert_bundle.keras_models import custom_layers

TRANSFORMERS, NATIVE, AUTO = known_breakages.TRANSFORMERS, known_breakages.NATIVE, known_breakages.AUTO
RUNTIMES = known_breakages.RUNTIMES


@dataclass(frozen=True)
class Runtime:
    """`keras`: the module. `dialect`, `encoders`: the modules that know how this runtime says things.

    `classes`: those of the caller's own that are kept as they are, by name.
    """

    name: str
    keras: Any
    dialect: Any
    encoders: Any
    classes: Classes = field(default_factory=dict)


def bind(runtime: str = AUTO, classes: Classes = custom_classes.NONE) -> Runtime:
    """The runtime of that name; with "auto" the one of transformers' classes where they are installed, else `native`.

    The rules are asked before anything is imported. Raises RuntimeUnavailableError, naming what is missing,
    ConfigError for a name that is none, and ModelError for a class that is none of that Keras' layers.
    """
    if runtime not in (AUTO, *RUNTIMES):
        raise ConfigError("no such runtime", place="runtime", wanted=", ".join((AUTO, *RUNTIMES)), found=runtime)
    bound = _bind(known_breakages.choose(runtime), classes)
    custom_layers.check_classes(classes, bound.keras)
    return bound


def _bind(runtime: str, classes: Classes) -> Runtime:
    if runtime == NATIVE:
        from bert_bundle.encoders import native
        from bert_bundle.keras_models import keras3

        return Runtime(NATIVE, keras3.bind(), keras3, native, classes)
    from bert_bundle.encoders import transformers
    from bert_bundle.keras_models import keras2

    return Runtime(TRANSFORMERS, keras2.bind(), keras2, transformers, classes)


def bound_version(runtime: str = AUTO) -> known_breakages.VersionNumbers:
    """The release that `bind` would bind, of Keras 3 or of Keras 2's TensorFlow, from metadata: nothing is imported.

    Empty where there is nothing to bind: `bind` says why.
    """
    versions = known_breakages.installed_versions()
    try:
        chosen = known_breakages.choose(runtime, versions)
    except RuntimeUnavailableError:
        return ()
    return known_breakages.version_numbers(
        versions, *(("keras",) if chosen == NATIVE else installed.BACKENDS["tensorflow"])
    )


def bind_for(model: Any, classes: Classes = custom_classes.NONE) -> Runtime:
    """The runtime that `model` was built in: it may not be what "auto" would choose, where both are installed."""
    keras = sys.modules.get("keras")
    three = known_breakages.version_numbers({"keras": getattr(keras, "__version__", "")}, "keras") >= (3,)
    native = keras is not None and three and isinstance(model, keras.Model)
    return bind(NATIVE if native else TRANSFORMERS, classes)
