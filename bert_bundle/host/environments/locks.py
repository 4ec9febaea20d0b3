"""Lock files: owns how one is made, written and read; refuses to know how one is installed.

A lock holds every package of an environment at one version with the hashes of its files, for the platform that it was
made on. Its header holds a digest of the row it was made from, so that a row that has changed since is noticed.
"""

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bert_bundle.errors import ConfigError, EnvironmentNotMadeError
from bert_bundle.host.config.matrix_file import Environment
from bert_bundle.host.environments import interpreters, uv

FOLDER = "locks"

# What every environment holds beside its row's packages: what the core needs, and what runs the in-environment suite.
NEEDED = ("numpy", "safetensors", "pytest", "hypothesis")

# safetensors is younger than the oldest rows: this is the day by which 0.3.1 was out, the first release that we read.
_FIRST_SAFETENSORS = date(2023, 6, 1)

# tf-keras asks for tensorflow by that name, which installs other contents under the same file names as the CPU build.
# Which of the two then runs is luck: one lock, made twice, gave one of each. Who pins the first gets no second.
SAME_FILES = (("tensorflow-cpu", "tensorflow"),)

_COMPILE_SECONDS = 600
_PIN = re.compile(r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[A-Za-z0-9.!+_]+)$")
_HASH = re.compile(r"^--hash=sha256:[0-9a-f]{64}$")
_SPECIFICATION = "# specification: "


@dataclass(frozen=True, kw_only=True)
class Lock:
    """One lock file: the sha256 of its bytes, and its pins by canonical package name."""

    path: Path
    digest: str
    pins: dict[str, str]


def lock(environment: Environment, matrix_dir: Path) -> Lock:
    """Resolve `environment` as on its day and write MATRIX_DIR/locks/ID.txt; the same row gives the same file.

    Raises EnvironmentNotMadeError when there is no interpreter, or the packages cannot be had together.
    """
    text = _header(environment) + resolved(environment, (*environment.packages, *NEEDED))
    target = matrix_dir / FOLDER / f"{environment.id}.txt"
    target.parent.mkdir(exist_ok=True)
    target.write_text(text, encoding="utf-8")
    return read_lock(environment, target.parent)


def resolved(environment: Environment, wanted: Sequence[str], *, start: str = "") -> str:
    """What uv makes of the requirements `wanted`, for the Python and on the day of `environment`: pins with hashes.

    It begins with the pins of `start` and changes what it must. Raises EnvironmentNotMadeError, with uv's words.
    """
    with tempfile.TemporaryDirectory() as folder:
        # The output may not lie among the locks: uv prefers the versions that an existing one holds.
        asked, output, never = (Path(folder, name) for name in ("wanted.in", "resolved.txt", "never.txt"))
        asked.write_text("\n".join(wanted) + "\n", encoding="utf-8")
        if start:
            output.write_text(start, encoding="utf-8")
        names = {canonicalize_name(Requirement(text).name) for text in wanted}
        unwanted = [name for pinned, name in SAME_FILES if pinned in names]
        never.write_text("".join(f"{name}; python_version < '3'\n" for name in unwanted), encoding="utf-8")
        compiled = uv.run(
            [
                *("pip", "compile", asked, "--override", never, "--output-file", output, "--quiet"),
                *("--python", interpreters.find(environment.python)),
                *("--generate-hashes", "--no-header", "--no-annotate", *as_on_its_day(environment)),
            ],
            seconds=_COMPILE_SECONDS,
        )
        if not compiled.succeeded:
            raise EnvironmentNotMadeError(
                "the packages cannot be locked",
                place=environment.id,
                wanted=", ".join(environment.packages),
                found=compiled.last_words,
                fix="correct packages, python or as_of of this environment",
            )
        return output.read_text(encoding="utf-8")


def read_lock(environment: Environment, locks_dir: Path) -> Lock:
    """The lock of `environment`.

    Raises ConfigError when it is missing, stale (the row changed since), or says anything but pins with hashes.
    """
    path = locks_dir / f"{environment.id}.txt"
    fix = f"run bert-bundle matrix lock --env {environment.id}"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            "the environment has no lock", place=path.name, wanted="a lock file", found=error.strerror or error, fix=fix
        ) from error
    lines = data.decode("utf-8", errors="replace").splitlines()
    made_from = next((li.removeprefix(_SPECIFICATION) for li in lines if li.startswith(_SPECIFICATION)), "none")
    if made_from != specification_digest(environment):
        raise ConfigError(
            "the lock is stale: it was made from another row",
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
                "the lock does not hold what its row asks for",
                place=path.name,
                wanted=wanted,
                found=pins.get(name, "nothing"),
                fix=fix,
            )
    return Lock(path=path, digest=hashlib.sha256(data).hexdigest(), pins=pins)


def derived(path: Path, text: str) -> Lock:
    """The lock file of no row: `text` written to `path`, which is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
    return Lock(
        path=path,
        digest=hashlib.sha256(text.encode()).hexdigest(),
        pins={name: version for name, (version, _) in entries(text).items()},
    )


def entries(text: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Canonical package name -> its version and the hashes of its files, as options of uv, in the text of a lock."""
    found = _pins(text.splitlines(), place="a lock", fix="make it again")
    return {name: (version, frozenset(hashes)) for name, version, hashes in found}


def as_on_its_day(environment: Environment) -> tuple[str, ...]:
    """The arguments that hide from uv what was published after `environment.as_of`, build tools included."""
    days = {"": environment.as_of, "safetensors=": max(environment.as_of, _FIRST_SAFETENSORS)}
    # A bare date would end at midnight of this machine's time zone: name the instant.
    general, safetensors = (f"{name}{day + timedelta(days=1)}T00:00:00Z" for name, day in days.items())
    return ("--exclude-newer", general, "--exclude-newer-package", safetensors)


def specification_digest(environment: Environment) -> str:
    """What of the row decides what the lock holds, as sha256: the runtime and the groups do not."""
    decisive = {
        "python": environment.python,
        "as_of": environment.as_of.isoformat(),
        "packages": sorted(environment.packages),
        "needed": NEEDED,
        "same files": SAME_FILES,
    }
    return "sha256:" + hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()


def _header(environment: Environment) -> str:
    return (
        f"# made by: bert-bundle matrix lock --env {environment.id}\n"
        f"# python {environment.python} as of {environment.as_of}: {' '.join(environment.packages)}\n"
        f"{_SPECIFICATION}{specification_digest(environment)}\n"
    )


def _pins(lines: list[str], *, place: str, fix: str) -> Iterator[tuple[str, str, list[str]]]:
    """Strict, because uv would obey a lock that said --index-url or -r."""
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
