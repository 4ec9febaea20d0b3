"""A lock file of the user's own: a requirements file with hashes, or a pylock.toml. Does not know what it is for.

Only what applies to one Python on this machine is read: the pins, and the hashes of their files. Nothing is added to
it, and what would let something else in is refused: packages without a hash, ranges, URLs and folders.
"""

import re
from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from bert_bundle.errors import ConfigError
from bert_bundle.host.config.requirements import Pins, check_pinned
from bert_bundle.host.config.target import marker_environment
from bert_bundle.host.config.text_files import read_text
from bert_bundle.interpreter import installed

_LARGEST = 20_000_000  # bytes; a pylock.toml for every platform has about 2 MB
_WORKER_NEEDS = ("numpy", "safetensors")  # of the core
_MAKE = "make it with hashes: uv pip compile --generate-hashes, pip-compile --generate-hashes or uv export"

# Locks of other tools, which only these tools can read, and what writes one of the two kinds from each.
_EXPORTS = MappingProxyType({
    "uv.lock": "uv export --format pylock.toml --output-file pylock.toml",
    "poetry.lock": "poetry export --output requirements.txt",
    "pdm.lock": "pdm export --output requirements.txt",
    "Pipfile.lock": "pipenv requirements --hash > requirements.txt",
})  # fmt: skip

_HASH = re.compile(r"sha(256:[0-9a-f]{64}|384:[0-9a-f]{96}|512:[0-9a-f]{128})")
_COMMENT = re.compile(r"(^|\s)#.*$")

# Options that say where packages are looked up and how: uv's own configuration says that, as for every other lock.
_IGNORED_OPTIONS = (
    *("-i", "--index-url", "--extra-index-url", "-f", "--find-links", "--no-index", "--trusted-host"),
    *("--no-binary", "--only-binary", "--prefer-binary", "--pre", "--require-hashes"),
)


def read_lock_file(path: Path, python: str, *, name: str) -> Pins:
    """Return what the lock file at `path`, called `name` in errors, pins for Python `python` on this machine.

    Raises ConfigError, with the place "NAME:LINE" where there is one, for a file that is not a lock, that pins a
    package twice or not at all, or that lacks what every environment needs: a backend of Keras, numpy and safetensors.
    """
    _check_kind(path, name)
    text = read_text(path, name=name, largest=_LARGEST, fix="check the path: `lock` is relative to the matrix file")
    if path.suffix == ".toml":
        from bert_bundle.host.config.pylock import read_pylock  # reads TOML, which few commands need

        pins = read_pylock(text, python, name=name)
    else:
        pins = _read_requirements(text, python, name=name)
    _check_complete(pins, python, name)
    return pins


def versions(pins: Pins) -> dict[str, str]:
    """Return canonical name -> version."""
    return {name: version for name, (version, _) in pins.items()}


def naming_requirements(pinned: Mapping[str, str]) -> tuple[str, ...]:
    """Return the requirements that name an environment among `pinned` versions: its backend, Keras, transformers."""
    naming = [*(n for names in installed.BACKENDS.values() for n in names), *installed.PACKAGES]
    return tuple(f"{n}=={pinned[n]}" for n in dict.fromkeys(naming) if n in pinned and n not in _WORKER_NEEDS)


def _check_kind(path: Path, name: str) -> None:
    export = _EXPORTS.get(path.name)
    if export is not None:
        raise ConfigError(
            "this lock is of one tool only",
            place=name,
            wanted="a requirements file with hashes, or a pylock.toml",
            found=path.name,
            fix=f"name what this writes instead: {export}",
        )


def _check_complete(pins: Pins, python: str, name: str) -> None:
    backends = [n for names in installed.BACKENDS.values() for n in names]
    if not any(backend in pins for backend in backends):
        raise ConfigError(
            "the lock has no TensorFlow, JAX or PyTorch",
            place=name,
            wanted=f"one of {', '.join(backends)}",
            found=f"{len(pins)} packages for Python {python} on this machine",
            fix="name the lock of the environment that serves the model, made for this Python and this platform",
        )
    missing = [needed for needed in _WORKER_NEEDS if needed not in pins]
    if missing:
        raise ConfigError(
            "the lock lacks what bert_bundle needs to load a bundle",
            place=name,
            wanted=", ".join(_WORKER_NEEDS),
            found=f"no {' and no '.join(missing)} for Python {python} on this machine",
            fix=f"add {' and '.join(missing)} to what the lock is made from, and make it again",
        )


def _read_requirements(text: str, python: str, *, name: str) -> Pins:
    values: dict[str, str | Set[str]] = {**marker_environment(python), "extra": ""}  # type: ignore[dict-item]
    pins: Pins = {}
    lines: dict[str, int] = {}
    for line, found in _logical_lines(text):
        place = f"{name}:{line}"
        if found.startswith("-"):
            _check_option(found, place)
            continue
        written, *options = re.split(r"\s+(?=--)", found)
        requirement = _pinned(written, place)
        package = canonicalize_name(requirement.name)
        if requirement.marker is not None and not requirement.marker.evaluate(values):
            continue
        if package in pins:
            _refuse(
                "the lock lists a package twice",
                place,
                wanted="each package once",
                found=f"{package}, which line {lines[package]} has too",
                fix="leave one of them, or give both environment markers that exclude each other",
            )
        version = next(iter(requirement.specifier)).version
        pins[package], lines[package] = (version, _hashes(options, package, place)), line
    return pins


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield each requirement or option without comments, lines that end with a backslash joined, and its first line."""
    joined, first = "", 0
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        stripped = _COMMENT.sub("", line).strip()
        first = first if joined else number
        joined += f" {stripped.removesuffix(chr(92))}"
        if not stripped.endswith("\\"):
            if joined.strip():
                yield first, joined.strip()
            joined = ""
    if joined.strip():
        yield first, joined.strip()


def _check_option(found: str, place: str) -> None:
    if re.split(r"[\s=]", found)[0] not in _IGNORED_OPTIONS:
        _refuse(
            "a lock has nothing but pinned packages",
            place,
            wanted="name==version with its hashes",
            found=found,
            fix="name a lock that has every package itself, and not your project: uv export --no-emit-project",
        )


def _pinned(written: str, place: str) -> Requirement:
    """Return the requirement of one release, with its marker. Raises ConfigError for any other."""
    try:
        requirement = Requirement(written)
        alone = Requirement(written)
        alone.marker = None
        check_pinned(str(alone))
    except (InvalidRequirement, ValueError) as error:
        message = "not a requirement" if isinstance(error, InvalidRequirement) else str(error)
        _refuse(message, place, wanted="name==version with its hashes", found=written, fix=_MAKE)
    return requirement


def _hashes(options: list[str], package: str, place: str) -> frozenset[str]:
    hashes = [option.removeprefix("--hash=").strip() for option in options]
    wrong = [value for value in hashes if not _HASH.fullmatch(value)]
    if wrong or not hashes:
        _refuse(
            "a package has no hash" if not hashes else "not a hash",
            place,
            wanted="--hash=sha256:... of each of its files",
            found=wrong[0] if wrong else package,
            fix=_MAKE,
        )
    return frozenset(f"--hash={value}" for value in hashes)


def _refuse(message: str, place: str, *, wanted: str, found: str, fix: str) -> NoReturn:
    raise ConfigError(message, place=place, wanted=wanted, found=found, fix=fix) from None
