"""The Keras that transformers binds, and its precision for the time of a build; knows nothing of graphs."""

import contextlib
import os
from typing import Any, Iterator

from ..errors import RuntimeUnavailableError


def prefer_legacy_keras() -> None:
    """Binds tf.keras to tf-keras where that is installed, as transformers 4.41 and later do; before any import only."""
    from importlib import util

    if util.find_spec("tf_keras") is not None:
        os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")


def bind() -> Any:
    """The `keras` module whose layers transformers' TensorFlow classes are made of.

    Raises RuntimeUnavailableError, naming what is missing, where there is none.
    """
    prefer_legacy_keras()
    try:
        import tensorflow
        from transformers import modeling_tf_utils
    except (ImportError, RuntimeError) as error:
        raise RuntimeUnavailableError(
            "the installed packages have no transformers runtime",
            wanted="tensorflow and transformers 4 with its TensorFlow classes (and tf-keras from TensorFlow 2.16)",
            found=str(error).splitlines()[0] if str(error) else type(error).__name__,
            fix="load the bundle in an environment of the matrix, or install those packages",
        ) from error
    keras = getattr(modeling_tf_utils, "keras", None) or tensorflow.keras
    if not issubclass(modeling_tf_utils.TFPreTrainedModel, keras.Model):
        raise RuntimeUnavailableError(
            "transformers and tf.keras use two different Keras",
            wanted="one Keras 2",
            found=keras.__name__,
            fix="set TF_USE_LEGACY_KERAS=1 before tensorflow is imported",
        )
    return keras


@contextlib.contextmanager
def precision(keras: Any, policy: str) -> Iterator[None]:
    """Layers made inside have the dtype policy; the caller's settings are back afterwards.

    A plain dtype becomes `floatx` too: it is what transformers' classes make their weights in.
    """
    floatx, before = keras.backend.floatx(), keras.mixed_precision.global_policy()
    try:
        keras.backend.set_floatx(policy if policy in ("float16", "float32", "float64") else "float32")
        keras.mixed_precision.set_global_policy(policy)
        yield
    finally:
        keras.backend.set_floatx(floatx)
        keras.mixed_precision.set_global_policy(before)
