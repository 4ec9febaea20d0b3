"""What a set of packages is called, what it can load, and which environment is nearest to one."""

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
from bert_bundle.host.environments.environment import ReadyEnvironment
from bert_bundle.interpreter import installed, known_breakages

_SHORT = MappingProxyType({"tensorflow": "tf"})  # of a backend, in a title; the others' names are short enough
_NO_RELEASE = Version("0")  # of a package that is not there: far from every release that is


def tensorflow(packages: Mapping[str, str]) -> str | None:
    """The version of TensorFlow among `packages` (canonical name to version), whatever it is distributed as."""
    return _version_of("tensorflow", packages)


def written_by(manifest: Manifest) -> tuple[dict[str, str], str]:
    """The packages and the Python of a bundle's writer. Raises FormatError when the manifest does not say them so."""
    packages, python = manifest.writer.get("packages"), manifest.writer.get("python")
    if not isinstance(packages, dict) or not isinstance(python, str):
        raise _malformed("packages and python", manifest.writer)
    for name, version in packages.items():
        if not isinstance(version, str) or not _is_version(version):
            raise _malformed("a version of each package", f"{name}: {version}")
    return packages, python


def environment_id_of(packages: Mapping[str, str], python: str) -> str:
    """A name for a set of versions in the manner of the matrix's ids: `tf2.15.1-hf4.40.2-py3.11`.

    Without transformers it is `keras3.15.1-jax0.12.0-py3.13`: Keras, and the backend that it has there.
    """
    backend = _backend(packages)
    transformers, keras = packages.get("transformers"), packages.get("keras")
    parts = {
        "keras": None if transformers else keras,
        _SHORT.get(backend, backend): _version_of(backend, packages),
        "hf": transformers,
        "py": ".".join(python.split(".")[:2]),
    }
    return "-".join(short + version for short, version in parts.items() if version)


def nearest(environments: Sequence[Environment], packages: Mapping[str, str]) -> Environment:
    """The environment that is likest to `packages`: of the same backend, then by its minor release, then by that of
    transformers; of two that are as near the newer. Raises ConfigError when none has a backend."""
    candidates = [e for e in environments if _backend(e.pins)]
    if not candidates:
        raise ConfigError(
            "no environment has a backend",
            wanted="one that can load a bundle",
            found="none with " + " or ".join(installed.BACKENDS),
        )

    def distance(environment: Environment) -> tuple[object, ...]:
        pins, backend = environment.pins, _backend(environment.pins)
        known = backend == _backend(packages)
        return (
            not known,
            _apart(_version_of(backend, pins), _version_of(backend, packages)) if known else 0,
            _apart(pins.get("transformers"), packages.get("transformers")),
        )

    # min() takes the first of several that are as near.
    newest_first = sorted(candidates, key=lambda e: _release(_version_of(_backend(e.pins), e.pins)), reverse=True)
    return min(newest_first, key=distance)


def upgraded(packages: Mapping[str, str], asked: Mapping[str, str]) -> dict[str, str]:
    """`packages` with those that are asked for in their place, by whichever name a backend is distributed."""
    replaced = {n for names in installed.BACKENDS.values() if asked.keys() & set(names) for n in names}
    return {**{name: version for name, version in packages.items() if name not in replaced}, **asked}


def this_interpreter() -> ReadyEnvironment:
    """The running interpreter as an environment; nothing is imported to find out what it holds."""
    return ReadyEnvironment(
        id="this interpreter",
        python=Path(sys.executable),
        lock_digest="",
        packages={canonicalize_name(d.metadata["Name"]): d.version for d in metadata.distributions()},
        python_version=platform.python_version(),
    )


def can_load(made: ReadyEnvironment) -> bool:
    """Whether there is a runtime that no rule speaks against."""
    return any(not known_breakages.broken_rules(runtime, made.packages) for runtime in known_breakages.RUNTIMES)


def _backend(packages: Mapping[str, str]) -> str:
    return installed.binding(packages.__contains__).get(installed.KERAS_BACKEND, "")


def _version_of(backend: str, packages: Mapping[str, str]) -> str | None:
    return next((packages[name] for name in installed.BACKENDS.get(backend, ()) if name in packages), None)


def _release(version: str | None) -> Version:
    return Version(version) if version else _NO_RELEASE


def _apart(one: str | None, other: str | None) -> tuple[int, int]:
    """How far two releases lie apart: in minor ones (a major one counts for a hundred), within one in micro ones."""
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
