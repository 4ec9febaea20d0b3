"""Save a Keras text classifier built on BERT once, load it in any TensorFlow, and prove that it predicts the same.

Layer 12 of the core.
"""

from typing import TYPE_CHECKING, Any, List

from bert_bundle.version import VERSION as __version__

if TYPE_CHECKING:
    from bert_bundle.api import Rescue, Verification, inspect, load, rescue, save, verify
    from bert_bundle.errors import BertBundleError, BundleError
    from bert_bundle.format.manifest import Manifest
    from bert_bundle.host_api import audit, bisect, diff, doctor, gate
    from bert_bundle.loading.loaded_bundle import Bundle
    from bert_bundle.saving.save_steps import SaveStep

__all__ = [
    "BertBundleError",
    "Bundle",
    "BundleError",
    "Manifest",
    "Rescue",
    "SaveStep",
    "Verification",
    "__version__",
    "audit",
    "bisect",
    "diff",
    "doctor",
    "gate",
    "inspect",
    "load",
    "rescue",
    "save",
    "verify",
]

_MODULES = {
    "BertBundleError": "bert_bundle.errors",
    "Bundle": "bert_bundle.loading.loaded_bundle",
    "BundleError": "bert_bundle.errors",
    "Manifest": "bert_bundle.format.manifest",
    "Rescue": "bert_bundle.api",
    "SaveStep": "bert_bundle.saving.save_steps",
    "Verification": "bert_bundle.api",
    "audit": "bert_bundle.host_api",
    "bisect": "bert_bundle.host_api",
    "diff": "bert_bundle.host_api",
    "doctor": "bert_bundle.host_api",
    "gate": "bert_bundle.host_api",
    "inspect": "bert_bundle.api",
    "load": "bert_bundle.api",
    "rescue": "bert_bundle.api",
    "save": "bert_bundle.api",
    "verify": "bert_bundle.api",
}


if not TYPE_CHECKING:  # a type checker would take every name for one of the package

    def __getattr__(name: str) -> Any:
        """Import a public name when it is first used, so that importing the package does not import NumPy."""
        if name not in _MODULES:
            raise AttributeError("module 'bert_bundle' has no attribute {!r}".format(name))
        from importlib import import_module

        return getattr(import_module(_MODULES[name]), name)


def __dir__() -> List[str]:
    """Return the public names, and nothing else."""
    return list(__all__)
