"""The distributions that are installed in this interpreter, read from their metadata. Imports none of them."""

import functools
import platform
from importlib import metadata
from types import MappingProxyType
from typing import Any, Callable, Dict, Mapping, Optional, Tuple

from bert_bundle.version import VERSION

PACKAGES = (
    "tensorflow",
    "tensorflow-cpu",
    "jax",
    "torch",
    "keras",
    "tf-keras",
    "transformers",
    "tokenizers",
    "numpy",
    "safetensors",
)


def writer_facts() -> Dict[str, Any]:
    """Return the versions in use: {"bert_bundle", "python", "packages": {name: version}}. Imports no package."""
    versions = {name: version(name) for name in PACKAGES}
    return {
        "bert_bundle": VERSION,
        "python": platform.python_version(),
        "packages": {name: found for name, found in versions.items() if found},
    }


LEGACY_KERAS = "TF_USE_LEGACY_KERAS"
KERAS_BACKEND = "KERAS_BACKEND"

# The backends of Keras 3 that can train, each with the distributions that provide it. The first one installed is used,
# so that an environment always has the same backend.
BACKENDS: Mapping[str, Tuple[str, ...]] = MappingProxyType(
    {
        "tensorflow": ("tensorflow", "tensorflow-cpu", "tensorflow-intel", "tensorflow-macos", "tf-nightly"),
        "jax": ("jax",),
        "torch": ("torch",),
    }
)


def binding(is_installed: Callable[[str], bool]) -> Dict[str, str]:
    """Return the variables that select a Keras: legacy Keras if tf-keras is installed, the first backend for Keras 3.

    `is_installed` tells whether a distribution is installed.
    """
    bound = {LEGACY_KERAS: "1"} if is_installed("tf-keras") else {}
    present = [backend for backend, names in BACKENDS.items() if any(map(is_installed, names))]
    return {**bound, KERAS_BACKEND: present[0]} if present else bound


def installed(distribution: str) -> bool:
    """Return whether `distribution` is installed, without importing it."""
    return version(distribution) is not None


@functools.lru_cache(maxsize=None)
def version(distribution: str) -> Optional[str]:
    """Return the installed version of `distribution`, from its metadata; None if it is not installed.

    Cached: in Python 3.8 reading the versions that the rules need takes 0.2 s, and every load needs them.
    """
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def clear_version_cache() -> None:
    """Clear cached versions, because the user may install a missing package while this process runs."""
    version.cache_clear()
