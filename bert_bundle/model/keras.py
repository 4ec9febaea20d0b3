"""Which Keras a model is made of, and what makes its encoders; knows nothing of graphs.

A runtime is one of two: `transformers` (Keras 2 and the TensorFlow classes of transformers 4) or `native` (Keras 3, on
any of its backends, and encoder layers of our own). What differs between the two is said in modules that have the same
functions: `keras2` and `keras3` for the models, `encoders.transformers` and `encoders.native` for the encoders.
"""

import sys
from dataclasses import dataclass, field
from typing import Any

from .. import isolation, rules
from ..errors import ConfigError, RuntimeUnavailableError
from . import custom
from .custom import Classes

TRANSFORMERS, NATIVE, AUTO = rules.TRANSFORMERS, rules.NATIVE, rules.AUTO
RUNTIMES = rules.RUNTIMES


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


def bind(runtime: str = AUTO, classes: Classes = custom.NONE) -> Runtime:
    """The runtime of that name; with "auto" the one of transformers' classes where they are installed, else `native`.

    The rules are asked before anything is imported. Raises RuntimeUnavailableError, naming what is missing,
    ConfigError for a name that is none, and ModelError for a class that is none of that Keras' layers.
    """
    if runtime not in (AUTO, *RUNTIMES):
        raise ConfigError("no such runtime", place="runtime", wanted=", ".join((AUTO, *RUNTIMES)), found=runtime)
    bound = _bind(rules.choose(runtime), classes)
    custom.check_classes(classes, bound.keras)
    return bound


def _bind(runtime: str, classes: Classes) -> Runtime:
    if runtime == NATIVE:
        from . import keras3
        from .encoders import native

        return Runtime(NATIVE, keras3.bind(), keras3, native, classes)
    from . import keras2
    from .encoders import transformers

    return Runtime(TRANSFORMERS, keras2.bind(), keras2, transformers, classes)


def release(runtime: str = AUTO) -> rules.Release:
    """The release that `bind` would bind, of Keras 3 or of Keras 2's TensorFlow, from metadata: nothing is imported.

    Empty where there is nothing to bind: `bind` says why.
    """
    versions = rules.installed()
    try:
        chosen = rules.choose(runtime, versions)
    except RuntimeUnavailableError:
        return ()
    return rules.release(versions, *(("keras",) if chosen == NATIVE else isolation.BACKENDS["tensorflow"]))


def bind_for(model: Any, classes: Classes = custom.NONE) -> Runtime:
    """The runtime that `model` was built in: it may not be what "auto" would choose, where both are installed."""
    keras = sys.modules.get("keras")
    three = rules.release({"keras": getattr(keras, "__version__", "")}, "keras") >= (3,)
    native = keras is not None and three and isinstance(model, keras.Model)
    return bind(NATIVE if native else TRANSFORMERS, classes)
