"""Which TensorFlow and which transformers a set of packages holds, and which environment is nearest to one."""

import platform
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from bert_bundle.errors import ConfigError, FormatError
from bert_bundle.format import layout
from bert_bundle.format.manifest import Manifest
from bert_bundle.matrix.environment import Made
from bert_bundle.matrix.spec import Environment

# The distributions that put a module `tensorflow` in place.
_TENSORFLOW = ("tensorflow", "tensorflow-cpu", "tensorflow-intel", "tensorflow-macos", "tf-nightly")
_WITHOUT_TF_CLASSES = Version("5.0.dev0")  # transformers 5 removed every TensorFlow class


def tensorflow(packages: Mapping[str, str]) -> str | None:
    """The version of TensorFlow among `packages` (canonical name to version), whatever it is distributed as."""
    return next((packages[name] for name in _TENSORFLOW if name in packages), None)


def written_by(manifest: Manifest) -> tuple[dict[str, str], str]:
    """The packages and the Python of a bundle's writer. Raises FormatError when the manifest does not say them so."""
    packages, python = manifest.writer.get("packages"), manifest.writer.get("python")
    if not isinstance(packages, dict) or not isinstance(python, str):
        raise _malformed("packages and python", manifest.writer)
    for name, version in packages.items():
        if not isinstance(version, str) or not _is_version(version):
            raise _malformed("a version of each package", f"{name}: {version}")
    return packages, python


def title(packages: Mapping[str, str], python: str) -> str:
    """A name for a set of versions in the manner of the matrix's ids: `tf2.15.1-hf4.40.2-py3.11`."""
    parts = {
        "tf": tensorflow(packages),
        "hf": packages.get("transformers"),
        "py": ".".join(python.split(".")[:2]),
    }
    return "-".join(short + version for short, version in parts.items() if version)


def nearest(environments: Sequence[Environment], wanted: str | None) -> Environment:
    """The environment whose TensorFlow is `wanted`'s minor release, else the one closest to it; the newer of two.

    A bundle written without TensorFlow (`wanted` is None) is nearest to the newest. Raises ConfigError when no
    environment pins a TensorFlow.
    """
    candidates = [(Version(found), e) for e in environments if (found := tensorflow(e.pins)) is not None]
    if not candidates:
        raise ConfigError("no environment has tensorflow", wanted="one that can load a bundle", found="none")
    goal = Version(wanted) if wanted else max(version for version, _ in candidates)

    def distance(candidate: tuple[Version, Environment]) -> tuple[int, int, int]:
        version = candidate[0]
        minors = abs(version.minor - goal.minor) + 100 * abs(version.major - goal.major)
        return minors, abs(version.micro - goal.micro), -version.minor

    return min(candidates, key=distance)[1]


def running() -> Made:
    """The running interpreter as an environment; nothing is imported to find out what it holds."""
    return Made(
        id="this interpreter",
        python=Path(sys.executable),
        lock_digest="",
        packages={canonicalize_name(d.metadata["Name"]): d.version for d in metadata.distributions()},
        python_version=platform.python_version(),
    )


def can_load(made: Made) -> bool:
    """Whether `made` holds TensorFlow and a transformers with TensorFlow classes."""
    transformers = made.packages.get("transformers")
    has_classes = transformers is not None and Version(transformers) < _WITHOUT_TF_CLASSES
    return has_classes and tensorflow(made.packages) is not None


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def _malformed(wanted: str, found: object) -> FormatError:
    return FormatError("the manifest is malformed", place=f"{layout.MANIFEST}#/writer", wanted=wanted, found=found)
