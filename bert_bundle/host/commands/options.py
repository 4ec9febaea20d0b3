"""The options that commands share, and how a result becomes what is printed. Does not know any one command.

A command module imports what it needs inside its functions: help, completion and usage errors import the module, and
have to be fast.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from bert_bundle.errors import AS_EXPECTED
from bert_bundle.host.commands import report_files
from bert_bundle.host.commands.command_result import CommandResult
from bert_bundle.host.commands.travel.bundle_argument import on_disk
from bert_bundle.host.operations.setup import Setup
from bert_bundle.host.progress.display import DisplayOnDemand
from bert_bundle.host.report.formats import FORMATS, ErrorReport
from bert_bundle.host.report.style import WIDTH, Style
from bert_bundle.host.runs.job_limit import DEFAULT_JOBS
from bert_bundle.progress import silent

if TYPE_CHECKING:
    from bert_bundle.host.report.reports import Report

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Options(Setup):
    """The options of every command, as the command line gave them: a setup, and how the result is printed."""

    as_json: bool
    quiet: bool
    no_color: bool

    def result(
        self,
        found: T,
        *,
        document: Callable[[T], dict[str, object]],
        text: Callable[[T, Style], str],
        exit_code: int = AS_EXPECTED,
    ) -> CommandResult:
        """Return `found` as a JSON document or as text, whichever was asked for."""
        from bert_bundle.host.report.documents.document import document as as_text

        return CommandResult(
            text=as_text(document(found)) if self.as_json else text(found, self._style()), exit_code=exit_code
        )

    def reported(self, report: Report, exit_code: int) -> CommandResult:
        """Return a report, which can go to files too, as a JSON document or as text."""
        from bert_bundle.host.report.text.reports import TerminalText

        shown = report.rendered_by(FORMATS["json"] if self.as_json else TerminalText(self._style()))
        return CommandResult(text=shown, exit_code=exit_code, report=report)

    def _style(self) -> Style:
        terminal = sys.stdout.isatty()
        color = terminal and not self.no_color and "NO_COLOR" not in os.environ
        width = shutil.get_terminal_size((WIDTH, 0)).columns if terminal else WIDTH
        return Style(width=width, color=color, encoding=sys.stdout.encoding or "utf-8")


def common(command: Callable[..., CommandResult]) -> Callable[..., CommandResult]:
    """Give `command` the options of every command, as its first argument, and bundles of the Hub as folders."""

    @click.option(
        "--matrix",
        "matrix_file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="The matrix file; default: compat_matrix.yaml in this folder or in one above it, "
        "else the one that comes with bert_bundle.",
    )
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON document on standard output.")
    @click.option(
        "--jobs", default=DEFAULT_JOBS, show_default=True, metavar="N", help="The most workers that run at a time."
    )
    @click.option("-q", "--quiet", is_flag=True, help="Do not print progress on standard error.")
    @click.option("--no-color", is_flag=True, help="Do not use colours on a terminal.")
    @wraps(command)
    def with_options(
        *,
        matrix_file: Path | None,
        as_json: bool,
        jobs: int,
        quiet: bool,
        no_color: bool,
        fresh: bool = False,
        discard: bool = False,
        **rest: object,
    ) -> CommandResult:
        shown = None if quiet else DisplayOnDemand(no_color=no_color)
        options = Options(
            matrix_file=matrix_file,
            jobs=jobs,
            fresh=fresh,
            discard=discard,
            progress=shown or silent,
            watcher=shown,
            as_json=as_json,
            quiet=quiet,
            no_color=no_color,
        )
        with options.at_end as at_end:
            if shown is not None:
                at_end.callback(shown.close)
            return command(options, **on_disk(rest, options.progress, quiet=quiet))

    return with_options


def selection(command: Callable[..., CommandResult]) -> Callable[..., CommandResult]:
    """Give `command` the options that select environments: `names` and `groups`."""
    name = click.option(
        "--env",
        "names",
        multiple=True,
        metavar="ID",
        help="Select environments by id, by the beginning of one id, or by a glob; may be repeated.",
    )
    group = click.option(
        "--groups", multiple=True, metavar="GROUP", help="Select environments by group; may be repeated."
    )
    return name(group(command))


def existing(command: Callable[..., CommandResult]) -> Callable[..., CommandResult]:
    """Give `command` the option that names interpreters of environments that are there already: `interpreters`."""
    return click.option(
        "--python",
        "interpreters",
        multiple=True,
        type=click.Path(path_type=Path),
        metavar="PATH",
        help="Take the environment of this interpreter, such as /srv/venv/bin/python, as it is. Nothing is written "
        "into it; may be repeated.",
    )(command)


def remembering(command: Callable[..., CommandResult]) -> Callable[..., CommandResult]:
    """Give `command` the option that computes every replay anew; goes above `common`."""
    return click.option(
        "--fresh", is_flag=True, help="Compute every replay anew: use none that an earlier run has computed."
    )(command)


def discarding(command: Callable[..., CommandResult]) -> Callable[..., CommandResult]:
    """Give `command` the option that keeps no environment; goes above `common`."""
    return click.option(
        "--discard-environments",
        "discard",
        is_flag=True,
        help="Create each environment when it is used and delete it afterwards: at most --jobs of them, and the one "
        "that the command itself works in, are on disk.",
    )(command)


def with_report_files(command: Callable[..., CommandResult]) -> Callable[..., CommandResult]:
    """Give `command` the option that writes reports to files; goes above `common`.

    A file that cannot be written is refused before the command begins. The reports are rewritten however the command
    ends, so that those of an earlier run are never mistaken for this run's.
    """

    @click.option(
        "--report",
        "wanted",
        multiple=True,
        metavar="FORMAT=FILE,...",
        help=f"Also write the result to a file, as {FORMATS.described}. Separate several with commas, or repeat "
        "the option.",
    )
    @wraps(command)
    def with_reports(*, wanted: tuple[str, ...], **rest: object) -> CommandResult:
        files = report_files.parse(wanted)
        try:
            result = command(**rest)
        except BaseException as error:
            report_files.write(files, ErrorReport(report_files.error_of(error)))
            raise
        return replace(result, report_error=report_files.write(files, result.report))

    return with_reports
