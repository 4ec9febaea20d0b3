"""Reports in files, beside what is printed: owns which formats there are, where one may go and how it is written.

Knows nothing of what a report says: a command gives a function for each format (`Renderers`).
"""

import contextlib
import os
import secrets
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bert_bundle.errors import BertBundleError, ConfigError, WorkerError
from bert_bundle.host.report import json, junit, markdown

FORMATS = ("json", "junit", "markdown")
_NOT_YET = ("html",)

Renderers = Mapping[str, Callable[[], str]]  # format -> the text of the file


@dataclass(frozen=True, kw_only=True)
class Report:
    """One file that a command is to leave behind."""

    format: str
    path: Path


def parse(given: Sequence[str]) -> tuple[Report, ...]:
    """The reports that `--report` asks for: FORMAT=FILE, several with commas between or in several options.

    Raises ConfigError for an unknown format, and for a file that could not be written once there is something to write.
    """
    reports = tuple(_parsed(part) for text in given for part in text.split(","))
    places = [os.path.realpath(report.path) for report in reports]
    for number, report in enumerate(reports):
        if places[number] in places[:number]:
            raise ConfigError("two reports go to one file", place="--report", found=report.path, fix="name another")
        _check(report.path)
    return reports


def write(reports: Sequence[Report], renderers: Renderers) -> ConfigError | None:
    """Writes every report, each file in one step; returns the first failure, so that the others are there all the same.

    A format that the command did not think of is a bug, and a KeyError.
    """
    failures = []
    for report in reports:
        text = renderers[report.format]()
        try:
            _replace(report.path, text)
        except OSError as error:
            failures.append(_unwritable(report.path, error))
    return failures[0] if failures else None


def of_failure(raised: BaseException) -> Renderers:
    """What the reports of a command say that ended without an answer: an error, an interrupt or a bug."""
    error = raised if isinstance(raised, BertBundleError) else WorkerError("the run was cut short", found=repr(raised))
    return {
        "json": lambda: json.document(json.error(error)),
        "junit": lambda: junit.error(error),
        "markdown": lambda: markdown.error(error),
    }


def _parsed(part: str) -> Report:
    name, equals, path = part.partition("=")
    if name in _NOT_YET:
        raise ConfigError(
            f"a report as {name} is not there yet", place="--report", wanted=", ".join(FORMATS), found=part
        )
    if name not in FORMATS or not equals or not path:
        raise ConfigError(
            "no such report", place="--report", wanted=f"FORMAT=FILE, of {', '.join(FORMATS)}", found=part,
            fix="a comma stands between two reports, never in a file's name",
        )  # fmt: skip
    return Report(format=name, path=Path(os.path.expanduser(path)))  # no shell does it behind an equals sign


def _check(path: Path) -> None:
    """Makes the folder and tries a file in it: a run takes minutes, and its report must have a place."""
    target = os.path.realpath(path)
    try:
        if os.path.exists(target) and not os.path.isfile(target):
            raise ConfigError("a report goes to a file", place=path, found="a folder or a device", fix="name a file")
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with _beside(target):
            pass
    except OSError as error:
        raise _unwritable(path, error) from error


def _replace(path: Path, text: str) -> None:
    """A file that was there keeps its mode, a link to it stays; who reads it sees the old text or the new one whole."""
    target = os.path.realpath(path)
    with _beside(target) as (descriptor, fresh):
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n", closefd=False) as file:
            file.write(text)
        with contextlib.suppress(FileNotFoundError):
            os.fchmod(descriptor, stat.S_IMODE(os.stat(target).st_mode))
        os.fsync(descriptor)
        os.replace(fresh, target)


@contextlib.contextmanager
def _beside(target: str) -> Iterator[tuple[int, str]]:
    """A new file beside `target`, open to be written, and removed unless it was moved."""
    folder, name = os.path.split(target)
    fresh = os.path.join(folder, f".{name}.tmp-{secrets.token_hex(8)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        yield descriptor, fresh
    finally:
        os.close(descriptor)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(fresh)


def _unwritable(path: Path, error: OSError) -> ConfigError:
    return ConfigError(
        "the file of a report cannot be written", place=path, found=error.strerror or error,
        fix="name another file for --report",
    )  # fmt: skip
