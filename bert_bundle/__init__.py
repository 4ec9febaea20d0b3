"""Save a Keras text classifier built on BERT once, load it in any TensorFlow, prove that it still says the same."""

from typing import TYPE_CHECKING, Any

from .version import VERSION as __version__

if TYPE_CHECKING:
    from .bundle import Verification, inspect, load, save, verify
    from .errors import BertBundleError, BundleError
    from .format.manifest import Manifest
    from .loaded import Bundle

_PLACES = {
    "Bundle": "loaded",
    "Verification": "bundle",
    "inspect": "bundle",
    "load": "bundle",
    "save": "bundle",
    "verify": "bundle",
    "BertBundleError": "errors",
    "BundleError": "errors",
    "Manifest": "format.manifest",
}

__all__ = [
    "BertBundleError",
    "Bundle",
    "BundleError",
    "Manifest",
    "Verification",
    "__version__",
    "inspect",
    "load",
    "save",
    "verify",
]


def __getattr__(name: str) -> Any:
    """Public names are imported when first used: importing the package costs no NumPy."""
    if name not in _PLACES:
        raise AttributeError("module 'bert_bundle' has no attribute {!r}".format(name))
    from importlib import import_module

    return getattr(import_module("bert_bundle." + _PLACES[name]), name)
