"""The files that `--report` asks for: owns where one may go and how it is written, not what a report shows."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bert_bundle.errors import BertBundleError, ConfigError, InterruptedRunError, StorageError, WorkerError
from bert_bundle.format.staging import write_file
from bert_bundle.host.report.formats import FORMATS

if TYPE_CHECKING:
    from bert_bundle.host.report.reports import Report


@dataclass(frozen=True, kw_only=True)
class ReportFile:
    """A file that a command leaves, and its format."""

    format: str
    path: Path


def parse(given: Sequence[str]) -> tuple[ReportFile, ...]:
    """Return the files that `--report` asks for: FORMAT=FILE, several separated by commas or in several options.

    Raises ConfigError for an unknown format, and for a file that could not be written after the run.
    """
    files = tuple(_parsed(part) for text in given for part in text.split(","))
    paths = [os.path.realpath(file.path) for file in files]
    for number, file in enumerate(files):
        if paths[number] in paths[:number]:
            raise ConfigError(
                "--report names one file twice", place="--report", found=file.path, fix="name another file"
            )
        _check(file.path)
    return files


def write(files: Sequence[ReportFile], report: Report | None) -> ConfigError | None:
    """Write every file, each in one step; return the first failure, after the other files were written."""
    failures = []
    for file in files:
        assert report is not None, "a command with --report returns a report"
        text = report.rendered_by(FORMATS[file.format])
        try:
            write_file(os.path.realpath(file.path), text.encode("utf-8"))  # a link to the file stays
        except StorageError as error:
            failures.append(_unwritable(file.path, error.found))
    return failures[0] if failures else None


def error_of(raised: BaseException) -> BertBundleError:
    """Return what reports show of a command that ended without a result: an error, an interrupt or a bug."""
    if isinstance(raised, KeyboardInterrupt):
        return InterruptedRunError("interrupted")
    return raised if isinstance(raised, BertBundleError) else WorkerError("the run was cut short", found=repr(raised))


def _parsed(part: str) -> ReportFile:
    name, equals, path = part.partition("=")
    if name not in FORMATS or not equals or not path:
        raise ConfigError(
            "--report takes FORMAT=FILE",
            place="--report",
            wanted=f"one of the formats {', '.join(FORMATS)}",
            found=part,
            fix="a comma separates two reports, so a file name cannot contain one",
        )
    return ReportFile(format=name, path=Path(os.path.expanduser(path)))  # a shell does not do it after an equals sign


def _check(path: Path) -> None:
    """Make the folder and try a file in it: a run takes minutes, and must be able to leave its report."""
    target = os.path.realpath(path)
    folder, name = os.path.split(target)
    try:
        if os.path.exists(target) and not os.path.isfile(target):
            raise ConfigError("--report must name a file", place=path, found="a folder or a device", fix="name a file")
        os.makedirs(folder, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=f".{name}.tmp-", suffix=".checked"):
            pass  # a name as long as the one that is written first
    except OSError as error:
        raise _unwritable(path, error.strerror or str(error)) from error


def _unwritable(path: Path, reason: str) -> ConfigError:
    return ConfigError(
        "a report file cannot be written", place=path, found=reason, fix="name another file for --report"
    )
