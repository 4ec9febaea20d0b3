"""Which distributions are installed beside this interpreter, read from their metadata; imports none of them."""

import functools
import platform
from importlib import metadata
from types import MappingProxyType
from typing import Any, Callable, Dict, Mapping, Optional, Tuple

from bert_bundle.version import VERSION

PACKAGES = (
    "tensorflow", "tensorflow-cpu", "jax", "torch", "keras", "tf-keras", "transformers", "tokenizers", "numpy",
    "safetensors",
)  # fmt: skip


def writer_facts() -> Dict[str, Any]:
    """Versions of what runs here: {"bert_bundle", "python", "packages": {name: version}}, without importing any."""
    versions = {name: version(name) for name in PACKAGES}
    return {
        "bert_bundle": VERSION,
        "python": platform.python_version(),
        "packages": {name: version for name, version in versions.items() if version},
    }


LEGACY_KERAS = "TF_USE_LEGACY_KERAS"
KERAS_BACKEND = "KERAS_BACKEND"

# The backends of Keras 3 that can train, each with the distributions that bring it. The first that is installed is
# taken, so that one environment always means one backend.
BACKENDS: Mapping[str, Tuple[str, ...]] = MappingProxyType(
    {
        "tensorflow": ("tensorflow", "tensorflow-cpu", "tensorflow-intel", "tensorflow-macos", "tf-nightly"),
        "jax": ("jax",),
        "torch": ("torch",),
    }
)


def binding(holds: Callable[[str], bool]) -> Dict[str, str]:
    """The variables that bind a Keras: the legacy one where tf-keras is, for Keras 3 the first backend that is there.

    `holds` says of a distribution whether it is installed.
    """
    bound = {LEGACY_KERAS: "1"} if holds("tf-keras") else {}
    present = [backend for backend, names in BACKENDS.items() if any(map(holds, names))]
    return {**bound, KERAS_BACKEND: present[0]} if present else bound


def installed(distribution: str) -> bool:
    """Whether `distribution` is installed beside this interpreter, without importing it."""
    return version(distribution) is not None


@functools.lru_cache(maxsize=None)
def version(distribution: str) -> Optional[str]:
    """The installed version of `distribution`, from its metadata; None where it is not installed.

    Read once: in Python 3.8 what the rules ask takes 0.2 s, and every load asks it. `forget` has it read again.
    """
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def holds(versions: Mapping[str, str]) -> bool:
    """Whether every distribution of `versions` is installed, in that version."""
    return all(version(distribution) == wanted for distribution, wanted in versions.items())


def clear_version_cache() -> None:
    """What is installed is read anew: somebody was told to install something, and may do it beside this process."""
    version.cache_clear()
