"""How lock files are made, written and read. Does not know how one is installed.

A lock pins every package of an environment to one version with the hashes of its files, for the platform that it was
made on. Its header has a digest of the row that it was made from, so that a later change of the row is noticed. A row
may name a lock of the user's own instead: it is read as it is, by its pins and hashes alone.
"""

import hashlib
import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bert_bundle.errors import ConfigError, EnvironmentNotMadeError
from bert_bundle.format.staging import write_file
from bert_bundle.host.config.lock_file import read_lock_file, versions
from bert_bundle.host.config.matrix_file import Environment
from bert_bundle.host.config.requirements import Pins
from bert_bundle.host.environments import interpreters, uv

FOLDER = "locks"

# In every environment, in addition to the packages of its row: the dependencies of the core and of the test suite.
NEEDED = ("numpy", "safetensors", "pytest", "hypothesis")

# safetensors is newer than the oldest rows: on this date 0.3.1, the first supported release, was available.
_FIRST_SAFETENSORS = date(2023, 6, 1)

# tf-keras requires tensorflow by that name, whose files have the same names as the CPU build's and other contents.
# Which of the two is used then depends on the order of installation: one lock, installed twice, gave one of each. If a
# row pins the first name of a pair, the second is left out.
SAME_FILES = (("tensorflow-cpu", "tensorflow"),)

_COMPILE_SECONDS = 600
_PIN = re.compile(r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[A-Za-z0-9.!+_]+)$")
_HASH = re.compile(r"^--hash=sha(256:[0-9a-f]{64}|384:[0-9a-f]{96}|512:[0-9a-f]{128})$")
_SPECIFICATION = "# specification: "


@dataclass(frozen=True, kw_only=True)
class Lock:
    """A lock: the file it is in, its text, the sha256 of that, and the pinned versions by canonical package name.

    The text of a user's own lock is what applies to its row, as pins with hashes.
    """

    path: Path
    text: str
    digest: str
    pins: dict[str, str]


def lock(environment: Environment, matrix_dir: Path) -> Lock:
    """Resolve `environment` at its date and write MATRIX_DIR/locks/ID.txt; the same row gives the same file.

    Raises EnvironmentNotMadeError if there is no interpreter or the packages are incompatible, StorageError if the file
    cannot be written.
    """
    text = _header(environment) + resolved(environment, (*environment.packages, *NEEDED))
    target = matrix_dir / FOLDER / f"{environment.id}.txt"
    target.parent.mkdir(exist_ok=True)
    write_file(str(target), text.encode())
    return read_lock(environment, target.parent)


def resolved(environment: Environment, wanted: Sequence[str], *, start: str = "") -> str:
    """Resolve the requirements `wanted` for the Python and the date of `environment`; return pins with hashes.

    The pins of `start` are kept where possible. Raises EnvironmentNotMadeError with the message of uv.
    """
    with tempfile.TemporaryDirectory() as folder:
        # Not written among the locks, because uv prefers the versions in an existing output file.
        requirements, output, overrides = (Path(folder, name) for name in ("wanted.in", "resolved.txt", "never.txt"))
        requirements.write_text("\n".join(wanted) + "\n", encoding="utf-8")
        if start:
            output.write_text(start, encoding="utf-8")
        names = {canonicalize_name(Requirement(text).name) for text in wanted}
        excluded = [name for pinned, name in SAME_FILES if pinned in names]
        overrides.write_text("".join(f"{name}; python_version < '3'\n" for name in excluded), encoding="utf-8")
        compiled = uv.run(
            [
                *("pip", "compile", requirements, "--override", overrides, "--output-file", output, "--quiet"),
                *("--python", interpreters.find(environment.python)),
                *("--generate-hashes", "--no-header", "--no-annotate", *index_date_options(environment)),
            ],
            seconds=_COMPILE_SECONDS,
        )
        if not compiled.succeeded:
            raise EnvironmentNotMadeError(
                "the packages cannot be resolved",
                place=environment.id,
                wanted=", ".join(environment.packages),
                found=compiled.last_lines,
                fix="correct packages, python or as_of of this environment",
            )
        return output.read_text(encoding="utf-8")


def read_lock(environment: Environment, locks_dir: Path) -> Lock:
    """Read the lock of `environment`: the one in `locks_dir`, or a user's own, beside the matrix file.

    Raises ConfigError if it is missing, stale (the row has changed since), or has anything but pins with hashes.
    """
    if environment.lock is not None:
        path = locks_dir.parent / environment.lock
        return _lock_of(path, text_of(read_lock_file(path, environment.python, name=environment.lock)))
    path = locks_dir / f"{environment.id}.txt"
    fix = f"run bert-bundle matrix lock --env {environment.id}"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            "the environment has no lock", place=path.name, wanted="a lock file", found=error.strerror or error, fix=fix
        ) from error
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError("the lock is not UTF-8 text", place=path.name, found=error, fix=fix) from error
    lines = text.splitlines()
    made_from = next((li.removeprefix(_SPECIFICATION) for li in lines if li.startswith(_SPECIFICATION)), "none")
    if made_from != specification_digest(environment):
        raise ConfigError(
            "the lock is stale: the row has changed since it was made",
            place=path.name,
            wanted=specification_digest(environment),
            found=made_from,
            fix=fix,
        )
    pins = {name: version for name, version, _ in _pins(lines, place=path.name, fix=fix)}
    for name, version in {**dict.fromkeys(NEEDED), **environment.pins}.items():
        if name not in pins or version not in (None, pins[name]):
            wanted = f"{name}=={version}" if version else name
            raise ConfigError(
                "the lock does not have what its row requires",
                place=path.name,
                wanted=wanted,
                found=pins.get(name, "nothing"),
                fix=fix,
            )
    return Lock(path=path, text=text, digest=hashlib.sha256(data).hexdigest(), pins=pins)


def write_derived_lock(path: Path, text: str) -> Lock:
    """Write a lock that is not checked against a row of the matrix file: an upgrade's, or one that came with a job.

    Raises StorageError if the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(str(path), text.encode())
    return _lock_of(path, text)


def entries(text: str) -> Pins:
    """Parse the text of a lock."""
    found = _pins(text.splitlines(), place="a lock", fix="make it again")
    return {name: (version, frozenset(hashes)) for name, version, hashes in found}


def text_of(pins: Pins) -> str:
    """Return the text of a lock without a header; `entries` reads it."""
    return "".join(
        f"{package}=={version} \\\n" + " \\\n".join(f"    {option}" for option in sorted(hashes)) + "\n"
        for package, (version, hashes) in sorted(pins.items())
    )


def same_files(one: Pins, other: Pins) -> bool:
    """Return whether two locks give the same environment: the same versions, of the same files.

    One of the two may have further files of a release, which were published later.
    """
    return one.keys() == other.keys() and all(
        version == other[package][0] and (hashes <= other[package][1] or hashes >= other[package][1])
        for package, (version, hashes) in one.items()
    )


def index_date_options(environment: Environment) -> tuple[str, ...]:
    """Return the options that hide from uv what was published after `environment.as_of`, build tools included.

    None for a row without a date, whose lock decides alone.
    """
    if environment.as_of is None:
        return ()
    dates = {"": environment.as_of, "safetensors=": max(environment.as_of, _FIRST_SAFETENSORS)}
    # With a time zone: a bare date would end at midnight in the time zone of this machine.
    general, safetensors = (f"{name}{day + timedelta(days=1)}T00:00:00Z" for name, day in dates.items())
    return ("--exclude-newer", general, "--exclude-newer-package", safetensors)


def specification_digest(environment: Environment) -> str:
    """Return the sha256 of what decides the lock of a row, which the runtime and the groups do not."""
    decisive = {
        "python": environment.python,
        "as_of": environment.index_date.isoformat(),
        "packages": sorted(environment.packages),
        "needed": NEEDED,
        "same files": SAME_FILES,
    }
    return "sha256:" + hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()


def _lock_of(path: Path, text: str) -> Lock:
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Lock(path=path, text=text, digest=digest, pins=versions(entries(text)))


def _header(environment: Environment) -> str:
    return (
        f"# made by: bert-bundle matrix lock --env {environment.id}\n"
        f"# python {environment.python} as of {environment.as_of}: {' '.join(environment.packages)}\n"
        f"{_SPECIFICATION}{specification_digest(environment)}\n"
    )


def _pins(lines: list[str], *, place: str, fix: str) -> Iterator[tuple[str, str, list[str]]]:
    """Yield (name, version, hashes) of each line. Strict, because uv obeys options in a lock, such as --index-url."""
    text = "\n".join("" if line.startswith("#") else line for line in lines)
    for requirement in filter(None, text.replace("\\\n", " ").split("\n")):
        pin, *hashes = requirement.split()
        match = _PIN.match(pin)
        if not match or not hashes or not all(map(_HASH.match, hashes)):
            raise ConfigError(
                "the lock is malformed",
                place=place,
                wanted="name==version with its sha256 hashes",
                found=requirement,
                fix=fix,
            )
        yield canonicalize_name(match["name"]), match["version"], hashes
