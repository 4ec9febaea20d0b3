"""What commands take and give back: owns the options that they share, knows nothing of any one command."""

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, wraps
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click

from bert_bundle.errors import AS_EXPECTED, ConfigError, printable
from bert_bundle.host.commands import report_files
from bert_bundle.host.commands.report_files import Renderers
from bert_bundle.host.config.matrix_file import Matrix, default_matrix_path, read_matrix
from bert_bundle.host.environments.locks import FOLDER
from bert_bundle.host.report import json
from bert_bundle.host.report.terminal import WIDTH, Style
from bert_bundle.host.runs.executor import Executor
from bert_bundle.host.runs.job_limit import DEFAULT_JOBS
from bert_bundle.host.runs.local_executor import Local
from bert_bundle.host.runs.run_options import RunOptions
from bert_bundle.host.workers.worker import Progress, silent


@dataclass(frozen=True, kw_only=True)
class CommandResult:
    """What a command prints on standard output, and the exit code it ends with.

    `renderers` are the reports that it could leave in files; `trouble` is why one that was asked for is not there.
    """

    text: str
    exit_code: int = AS_EXPECTED
    renderers: Renderers = field(default_factory=dict)
    trouble: ConfigError | None = None


@dataclass(frozen=True, kw_only=True)
class Options:
    """The common options, as the command line gave them."""

    matrix_file: Path | None
    as_json: bool
    executor: Executor
    quiet: bool
    no_color: bool

    @cached_property
    def matrix_path(self) -> Path:
        """The matrix file; found from the current directory upwards unless given."""
        return self.matrix_file or default_matrix_path()

    @cached_property
    def matrix(self) -> Matrix:
        """The matrix, read. Raises ConfigError."""
        return read_matrix(self.matrix_path)

    @property
    def locks(self) -> Path:
        """Where the lock files lie: beside the matrix file."""
        return self.matrix_path.absolute().parent / FOLDER

    @property
    def terms(self) -> RunOptions:
        """The usual terms, with what the matrix file holds a run against."""
        return RunOptions(expect=self.matrix.expect, policy=self.matrix.policy)

    @property
    def progress(self) -> Progress:
        """Whole lines on standard error, unless quiet."""
        return silent if self.quiet else _say

    def answer(
        self,
        record: Callable[[], dict[str, Any]],
        text: Callable[[Style], str],
        exit_code: int = AS_EXPECTED,
        renderers: Renderers = MappingProxyType({}),
    ) -> CommandResult:
        """The document or the text, whichever was asked for; only that one is made. The document is a report too."""
        written = json.document(record()) if self.as_json else text(self._style())
        files = {"json": lambda: json.document(record()), **renderers}
        return CommandResult(text=written, exit_code=exit_code, renderers=files)

    def _style(self) -> Style:
        terminal = sys.stdout.isatty()
        color = terminal and not self.no_color and "NO_COLOR" not in os.environ
        return Style(width=shutil.get_terminal_size((WIDTH, 0)).columns if terminal else WIDTH, color=color)


def common(command: Callable[..., CommandResult]) -> Callable[..., CommandResult]:
    """Gives `command` the common options, as its first argument."""

    @click.option("--matrix", "matrix_file", type=click.Path(path_type=Path), metavar="FILE", help="The matrix file.")
    @click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
    @click.option("--jobs", default=DEFAULT_JOBS, show_default=True, metavar="N", help="Workers at a time.")
    @click.option("-q", "--quiet", is_flag=True, help="No progress on standard error.")
    @click.option("--no-color", is_flag=True, help="No colours on a terminal.")
    @wraps(command)
    def with_options(
        *, matrix_file: Path | None, as_json: bool, jobs: int, quiet: bool, no_color: bool, **rest: Any
    ) -> CommandResult:
        executor = Local(jobs)  # first of all: no environment is made for a number of jobs that is refused
        options = Options(matrix_file=matrix_file, as_json=as_json, executor=executor, quiet=quiet, no_color=no_color)
        return command(options, **rest)

    return with_options


def selection(command: Callable[..., CommandResult]) -> Callable[..., CommandResult]:
    """Gives `command` the options that select environments: `names` and `groups`."""
    name = click.option("--env", "names", multiple=True, metavar="GLOB", help="Environments by id; may be repeated.")
    group = click.option("--groups", multiple=True, metavar="GROUP", help="Environments by group; may be repeated.")
    return name(group(command))


def reported(command: Callable[..., CommandResult]) -> Callable[..., CommandResult]:
    """Gives `command` the option that leaves reports in files; stands above `common`.

    What is wrong with a file is said before the command begins. However the command ends, its reports are of this run:
    what an earlier one left would be taken for it.
    """

    @click.option(
        "--report",
        "wanted",
        multiple=True,
        metavar="FORMAT=FILE,...",
        help="Files to write beside: json, the same document as --json; junit, for the tests of a CI system; "
        "markdown, for a job summary. Several with commas, or repeated.",
    )
    @wraps(command)
    def with_reports(*, wanted: tuple[str, ...], **rest: Any) -> CommandResult:
        asked = report_files.parse(wanted)
        try:
            answer = command(**rest)
        except BaseException as error:
            report_files.write(asked, report_files.of_failure(error))
            raise
        return replace(answer, trouble=report_files.write(asked, answer.renderers))

    return with_reports


def _say(line: str) -> None:
    click.echo(printable(line), err=True)
