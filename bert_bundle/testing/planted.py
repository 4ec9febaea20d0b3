"""Faults planted in a live reader: libraries that compute something else than they say, each by name.

Owns what is changed and takes it back; knows nothing of who should notice. The task `fault.replay` is a replay while
one of them is in force.
"""

import contextlib
import importlib
from typing import Any, Callable, Dict, Iterator, Mapping

from ..format.proven import open_bundle
from ..model.keras import AUTO
from ..replay import observe

Honest = Callable[..., Any]


def replay(*, progress: Any, bundle: str, fault: str, runtime: str = AUTO) -> Dict[str, Any]:
    """What `tasks.replay` answers where `fault` is in force."""
    with FAULTS[fault]():
        return observe(open_bundle(bundle), runtime, progress)


@contextlib.contextmanager
def replaced(module: str, name: str, by: Callable[[Honest], Honest]) -> Iterator[None]:
    """While inside, `name` in a module of this package is what `by` makes of it."""
    owner = importlib.import_module("..{}".format(module), __package__)
    honest = getattr(owner, name)
    setattr(owner, name, by(honest))
    try:
        yield
    finally:
        setattr(owner, name, honest)


def _tanh_gelu(honest: Honest) -> Honest:
    """transformers' classes with GELU by tanh where the configuration says GELU by erf."""

    def build(family: Any, config: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
        from transformers.activations_tf import get_tf_activation

        encoder = honest(family, config, *args, **kwargs)
        for layer in encoder.submodules:
            for name in ("intermediate_act_fn", "activation"):
                if "gelu" in getattr(getattr(layer, name, None), "__name__", ""):
                    setattr(layer, name, get_tf_activation("gelu_new"))
        return encoder

    return build


FAULTS: Mapping[str, Callable[[], Any]] = {
    "tanh GELU": lambda: replaced("model.encoders.transformers", "build", _tanh_gelu),
}
