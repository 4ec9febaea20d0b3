"""The registry of report formats, which `--report` and its help text read.

To add a format, write a module with the functions of `reports.Format` and add its line to `FORMATS`. A format is
imported when it is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from bert_bundle.errors import BertBundleError
    from bert_bundle.host.report.reports import Format


@dataclass(frozen=True)
class ErrorReport:
    """The report of a command that ended with an error."""

    raised: BertBundleError

    def rendered_by(self, to: Format) -> str:
        """Return this report in the format `to`."""
        return to.error(self.raised)


class Formats(Mapping[str, "Format"]):
    """Formats by name. Each is a module of this package, with what it is good for, and is imported when looked up."""

    def __init__(self, modules: Mapping[str, tuple[str, str]]) -> None:
        self._modules = modules

    def __getitem__(self, name: str) -> Format:
        return cast("Format", import_module(f"bert_bundle.host.report.{self._modules[name][0]}"))

    def __contains__(self, name: object) -> bool:
        return name in self._modules

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)

    @property
    def described(self) -> str:
        """Return `json (the same document as --json), ...`, for the help text."""
        return ", ".join(f"{name} ({purpose})" for name, (_, purpose) in self._modules.items())


FORMATS = Formats(
    {
        "json": ("json", "the same document as --json"),
        "junit": ("junit", "test results for a CI system"),
        "markdown": ("markdown", "a job summary"),
    }
)
