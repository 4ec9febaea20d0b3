"""The reports as terminal text: the `Format` that commands print."""

from dataclasses import dataclass

from bert_bundle.errors import BertBundleError
from bert_bundle.host.report.reports import AuditReport, CrossReport, DemoReport, GateReport
from bert_bundle.host.report.style import Style
from bert_bundle.host.report.text import errors, runs
from bert_bundle.host.report.text import gate as gates


@dataclass(frozen=True)
class TerminalText:
    """A `Format` with the style of the terminal."""

    style: Style

    def audit(self, report: AuditReport) -> str:
        """Render one bundle in several environments."""
        return runs.audit(report, self.style)

    def cross(self, report: CrossReport) -> str:
        """Render a run of writers and readers."""
        return runs.cross(report, self.style)

    def demo(self, report: DemoReport) -> str:
        """Render what the demo did, its audit, and what to do next."""
        return runs.demo(report, self.style)

    def gate(self, report: GateReport) -> str:
        """Render the decision of a gate."""
        return gates.gate(report, self.style)

    def error(self, raised: BertBundleError) -> str:
        """Render the error of a command that ended without a result."""
        return errors.error(raised)
