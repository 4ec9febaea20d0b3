"""A pylock.toml (PEP 751), as pins with hashes. Does not know what an environment needs.

What is installed are the pins: uv looks their files up in the indexes that it is configured with, by hash. So the
addresses in the file are not used, and a package that only has an address is refused.
"""

import re
import tomllib
from collections.abc import Iterable

from packaging.pylock import (
    Package,
    PackageSdist,
    PackageWheel,
    Pylock,
    PylockSelectError,
    PylockValidationError,
)

from bert_bundle.errors import ConfigError
from bert_bundle.host.config.requirements import Pins
from bert_bundle.host.config.target import marker_environment, wheel_tags

_PACKAGE = re.compile(r"packages\[(\d+)\]")
_HASHES = ("sha256", "sha384", "sha512")


def read_pylock(text: str, python: str, *, name: str) -> Pins:
    """Return what the text of a pylock.toml, called `name` in errors, pins for Python `python` on this machine.

    Raises ConfigError, with the place "NAME:LINE" where there is one.
    """
    lock = _parsed(text, name)
    try:
        chosen = list(lock.select(environment=marker_environment(python), tags=list(wheel_tags(python))))
    except PylockSelectError as error:
        twice = "Multiple packages" in str(error)
        raise ConfigError(
            "the lock lists a package twice" if twice else "the lock is not for this Python on this machine",
            place=_place(text, name, str(error)),
            wanted="each package once" if twice else f"Python {python} and this platform",
            found=error,
            fix="make it again" if twice else "name another lock, or make it for this Python and platform too",
        ) from error
    places = {id(package): _line(text, name, index) for index, package in enumerate(lock.packages)}
    return {package.name: _pin(package, places[id(package)]) for package, _ in chosen}


def _parsed(text: str, name: str) -> Pylock:
    try:
        return Pylock.from_dict(tomllib.loads(text.removeprefix("\ufeff")))
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        raise ConfigError(
            "not TOML",
            place=f"{name}:{line[1]}" if line else name,
            wanted="a pylock.toml",
            found=error,
            fix="make it again",
        ) from error
    except PylockValidationError as error:
        raise ConfigError(
            "not a pylock.toml",
            place=_place(text, name, error.context or ""),
            wanted="what PEP 751 says, as uv export --format pylock.toml writes it",
            found=error,
            fix="make it again",
        ) from error


def _pin(package: Package, place: str) -> tuple[str, frozenset[str]]:
    if package.version is None or package.is_direct:
        raise ConfigError(
            "a package is not pinned to one release",
            place=place,
            wanted="a version, and files with hashes",
            found=f"{package.name}: a repository, a folder or an address",
            fix="leave it out, which is right for your own project: uv export --no-emit-project",
        )
    files: Iterable[PackageWheel | PackageSdist] = [
        *(package.wheels or ()),
        *([package.sdist] if package.sdist else []),
    ]
    hashes = frozenset(
        f"--hash={kind}:{file.hashes[kind]}" for file in files for kind in _HASHES if kind in file.hashes
    )
    if not hashes:
        raise ConfigError(
            "a package has no hash", place=place, wanted=" or ".join(_HASHES), found=package.name, fix="make it again"
        )
    return str(package.version), hashes


def _place(text: str, name: str, words: str) -> str:
    found = _PACKAGE.search(words)
    return _line(text, name, int(found[1])) if found else name


def _line(text: str, name: str, index: int) -> str:
    """Return the place of a package; without a line if the packages are not written one table each."""
    lines = [number for number, line in enumerate(text.splitlines(), 1) if line.strip() == "[[packages]]"]
    return f"{name}:{lines[index]}" if index < len(lines) else name
