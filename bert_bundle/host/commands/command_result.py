"""What a command returns to the command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bert_bundle.errors import AS_EXPECTED, ConfigError

if TYPE_CHECKING:
    from bert_bundle.host.report.reports import Report


@dataclass(frozen=True, kw_only=True)
class CommandResult:
    """The text for standard output, and the exit code.

    report        what `--report` writes to files; None for a command without that option
    report_error  why one of these files could not be written
    """

    text: str
    exit_code: int = AS_EXPECTED
    report: Report | None = None
    report_error: ConfigError | None = None
