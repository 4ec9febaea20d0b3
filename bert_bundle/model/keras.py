"""Which Keras a model is made of, and what makes its encoders; knows nothing of graphs.

A runtime is one of two: `transformers` (Keras 2 and the TensorFlow classes of transformers 4) or `native` (Keras 3, on
any of its backends, and encoder layers of our own). What differs between the two is said in modules that have the same
functions: `keras2` and `keras3` for the models, `encoders.transformers` and `encoders.native` for the encoders.
"""

import sys
from dataclasses import dataclass
from typing import Any

from .. import isolation, rules
from ..errors import ConfigError, RuntimeUnavailableError

TRANSFORMERS, NATIVE, AUTO = rules.TRANSFORMERS, rules.NATIVE, rules.AUTO
RUNTIMES = rules.RUNTIMES


@dataclass(frozen=True)
class Runtime:
    """`keras`: the module. `dialect`, `encoders`: the modules that know how this runtime says things."""

    name: str
    keras: Any
    dialect: Any
    encoders: Any


def bind(runtime: str = AUTO) -> Runtime:
    """The runtime of that name; with "auto" the one of transformers' classes where they are installed, else `native`.

    The rules are asked before anything is imported. Raises RuntimeUnavailableError, naming what is missing, and
    ConfigError for a name that is none.
    """
    if runtime not in (AUTO, *RUNTIMES):
        raise ConfigError("no such runtime", place="runtime", wanted=", ".join((AUTO, *RUNTIMES)), found=runtime)
    runtime = rules.choose(runtime)
    if runtime == NATIVE:
        from . import keras3
        from .encoders import native

        return Runtime(NATIVE, keras3.bind(), keras3, native)
    from . import keras2
    from .encoders import transformers

    return Runtime(TRANSFORMERS, keras2.bind(), keras2, transformers)


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


def bind_for(model: Any) -> Runtime:
    """The runtime that `model` was built in: it may not be what "auto" would choose, where both are installed."""
    keras = sys.modules.get("keras")
    three = rules.release({"keras": getattr(keras, "__version__", "")}, "keras") >= (3,)
    return bind(NATIVE if keras is not None and three and isinstance(model, keras.Model) else TRANSFORMERS)
