"""Sets of packages: their name, whether they can load a bundle, and the environment that is nearest to one."""

import platform
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from types import MappingProxyType

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from bert_bundle.errors import ConfigError, FormatError
from bert_bundle.format import layout
from bert_bundle.format.manifest import Manifest
from bert_bundle.host.config.matrix_file import Environment
from bert_bundle.host.environments.doctor import THIS_INTERPRETER
from bert_bundle.host.environments.environment import ReadyEnvironment
from bert_bundle.interpreter import installed, known_breakages

_SHORT_NAMES = MappingProxyType({"tensorflow": "tf"})  # of backends in ids; the other names are short enough
_NOT_INSTALLED = Version("0")  # far from every release


def tensorflow(packages: Mapping[str, str]) -> str | None:
    """Return the version of TensorFlow in `packages` (canonical name -> version), from any of its distributions."""
    return _version_of("tensorflow", packages)


def release_of(name: str, packages: Mapping[str, str]) -> str | None:
    """Return the version of the package `name` in `packages`; of a backend, from any of its distributions."""
    return _version_of(name, packages) if name in installed.BACKENDS else packages.get(name)


def written_by(manifest: Manifest) -> tuple[dict[str, str], str]:
    """Return the packages and the Python version of a bundle's writer.

    Raises FormatError if the manifest does not record them.
    """
    packages, python = manifest.writer.get("packages"), manifest.writer.get("python")
    if not isinstance(packages, dict) or not isinstance(python, str):
        raise _malformed("packages and python", manifest.writer)
    for name, version in packages.items():
        if not isinstance(version, str) or not _is_version(version):
            raise _malformed("a version of each package", f"{name}: {version}")
    return packages, python


def environment_id_of(packages: Mapping[str, str], python: str) -> str:
    """Return a name for a set of versions in the form of the ids of the matrix: `tf2.15.1-hf4.40.2-py3.11`.

    Without transformers it has Keras and its backend: `keras3.15.1-jax0.12.0-py3.13`.
    """
    backend = _backend(packages)
    transformers, keras = packages.get("transformers"), packages.get("keras")
    parts = {
        "keras": None if transformers else keras,
        _SHORT_NAMES.get(backend, backend): _version_of(backend, packages),
        "hf": transformers,
        "py": ".".join(python.split(".")[:2]),
    }
    return "-".join(short + version for short, version in parts.items() if version)


def nearest(environments: Sequence[Environment], packages: Mapping[str, str]) -> Environment:
    """Return the environment that is nearest to `packages`.

    Compares the backend, then its release, then the release of transformers; of equally near ones the newest wins.
    Raises ConfigError if no environment has a backend.
    """
    candidates = [e for e in environments if _backend(e.pins)]
    if not candidates:
        raise ConfigError(
            "no environment has a backend",
            wanted="one with " + ", ".join(installed.BACKENDS),
            found="none",
        )

    def distance(environment: Environment) -> tuple[object, ...]:
        pins, backend = environment.pins, _backend(environment.pins)
        same = backend == _backend(packages)
        return (
            not same,
            _release_distance(_version_of(backend, pins), _version_of(backend, packages)) if same else 0,
            _release_distance(pins.get("transformers"), packages.get("transformers")),
        )

    # min() returns the first of equally near ones.
    newest_first = sorted(candidates, key=lambda e: _release(_version_of(_backend(e.pins), e.pins)), reverse=True)
    return min(newest_first, key=distance)


def newer_than(
    environments: Sequence[Environment], packages: Mapping[str, str], *, equal: bool = False
) -> tuple[Environment, ...]:
    """Return the environments with a later minor release of the backend of `packages`, the oldest first.

    `equal` includes those with the same minor release.
    """
    backend = _backend(packages)

    def minor(pins: Mapping[str, str]) -> tuple[int, int]:
        release = _release(_version_of(backend, pins))
        return release.major, release.minor

    same = [e for e in environments if _backend(e.pins) == backend]
    later = [e for e in same if minor(e.pins) > minor(packages) or (equal and minor(e.pins) == minor(packages))]
    return tuple(sorted(later, key=lambda e: minor(e.pins)))


def with_versions(packages: Mapping[str, str], requested: Mapping[str, str]) -> dict[str, str]:
    """Return `packages` with the requested versions; a backend replaces all its other distributions."""
    replaced = {n for names in installed.BACKENDS.values() if requested.keys() & set(names) for n in names}
    return {**{name: version for name, version in packages.items() if name not in replaced}, **requested}


def this_interpreter() -> ReadyEnvironment:
    """Return the running interpreter as an environment, without importing any of its packages."""
    return ReadyEnvironment(
        id=THIS_INTERPRETER,
        python=Path(sys.executable),
        lock_digest="",
        packages={canonicalize_name(d.metadata["Name"]): d.version for d in metadata.distributions()},
        python_version=platform.python_version(),
    )


def can_load(environment: ReadyEnvironment) -> bool:
    """Return whether some runtime breaks no rule there."""
    return any(not known_breakages.broken_rules(runtime, environment.packages) for runtime in known_breakages.RUNTIMES)


def _backend(packages: Mapping[str, str]) -> str:
    return installed.binding(packages.__contains__).get(installed.KERAS_BACKEND, "")


def _version_of(backend: str, packages: Mapping[str, str]) -> str | None:
    return next((packages[name] for name in installed.BACKENDS.get(backend, ()) if name in packages), None)


def _release(version: str | None) -> Version:
    return Version(version) if version else _NOT_INSTALLED


def _release_distance(one: str | None, other: str | None) -> tuple[int, int]:
    """Return the distance of two releases in minor releases (a major one is a hundred), then in micro releases."""
    a, b = _release(one), _release(other)
    minors = abs(a.minor - b.minor) + 100 * abs(a.major - b.major)
    return minors, 0 if minors else abs(a.micro - b.micro)


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def _malformed(wanted: str, found: object) -> FormatError:
    return FormatError("the manifest is malformed", place=f"{layout.MANIFEST}#/writer", wanted=wanted, found=found)
