"""The report format `json`: the document that `--json` prints."""

from bert_bundle.errors import BertBundleError
from bert_bundle.host.report.documents import document, runs
from bert_bundle.host.report.documents import gate as gates
from bert_bundle.host.report.reports import AuditReport, CrossReport, DemoReport, GateReport


def audit(report: AuditReport) -> str:
    """Render one bundle in several environments."""
    return document.document(runs.run(report.run))


def cross(report: CrossReport) -> str:
    """Render a run of writers and readers."""
    return document.document(runs.run(report.run))


def demo(report: DemoReport) -> str:
    """Render what the demo did, and its audit."""
    return document.document(runs.demo(report))


def gate(report: GateReport) -> str:
    """Render the decision of a gate."""
    return document.document(gates.gate(report.gate))


def error(raised: BertBundleError) -> str:
    """Render the error of a command that ended without a result."""
    return document.document(document.error(raised))
