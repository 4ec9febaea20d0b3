"""Save a Keras text classifier built on BERT once, load it in any TensorFlow, prove that it still says the same."""

from typing import TYPE_CHECKING, Any

from bert_bundle.version import VERSION as __version__

if TYPE_CHECKING:
    from bert_bundle.api import Verification, inspect, load, save, verify
    from bert_bundle.errors import BertBundleError, BundleError
    from bert_bundle.format.manifest import Manifest
    from bert_bundle.loading.loaded_bundle import Bundle

_PLACES = {
    "Bundle": "loading.loaded_bundle",
    "Verification": "api",
    "inspect": "api",
    "load": "api",
    "save": "api",
    "verify": "api",
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
