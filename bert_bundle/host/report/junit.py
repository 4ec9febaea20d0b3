"""The report format `junit`: JUnit XML, which CI systems show as test results. Owns suites, cases and how each ends.

A reader is a suite and a cell a case. No case is `skipped`: a cell in which nothing was tried has no result, which is
an error. CI systems identify a case by its class and name, whatever suite it is in, and keep the first of equal ones
(https://docs.gitlab.com/ci/testing/unit_test_reports), so a name holds the bundle and the reader.
"""

from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO

from junitparser import Error, Failure, JUnitXml, TestCase, TestSuite

from bert_bundle.errors import BertBundleError, printable
from bert_bundle.host.environments.environment import ReadyEnvironment
from bert_bundle.host.environments.prepare import FailedEnvironment, PreparedEnvironment
from bert_bundle.host.gate.checks import ASKS
from bert_bundle.host.report import numbers, wording
from bert_bundle.host.report.reports import AuditReport, CrossReport, DemoReport, GateReport, RunReport
from bert_bundle.host.report.rows import CheckRow
from bert_bundle.host.runs.verdict import FIRST_LAYER, Verdict

NAME = "bert-bundle"
_NOT_MEASURED = frozenset(("crashed", "timeout", "not run"))  # an error, not a failure
_LONGEST = 4000  # characters of a text: a reason may hold all parts of an error


def audit(report: AuditReport) -> str:
    """Render a suite for each reader, with a case that is an error for an environment that could not be made."""
    return _document(_suites(report))


def cross(report: CrossReport) -> str:
    """Render the suites of an audit, with a case for each bundle."""
    return _document(_suites(report))


def demo(report: DemoReport) -> str:
    """Render the demo's audit."""
    return audit(report.audit)


def gate(report: GateReport) -> str:
    """Render a suite with a case for each check, then the suites of the audit. What was not asked for passes."""
    suite = TestSuite(_text(report.gate.candidate.path.name))
    suite.add_property("decision", report.gate.decision)
    suite.add_property("candidate", report.gate.candidate.manifest.digest)
    suite.add_testcases([_check(check) for check in report.checks])
    return _document([suite, *_suites(report.audit)])


def error(raised: BertBundleError) -> str:
    """Render a command that ended without a result: one case, which is an error."""
    suite = TestSuite(NAME)
    suite.add_testcases([_failed(raised, name="the run", classname=NAME)])
    return _document([suite])


def _check(check: CheckRow) -> TestCase:
    case = TestCase(check.name, "gate", 0.0)
    words = "\n".join([f"{check.status}: {ASKS[check.name]}", check.figures, *map(_text, check.reasons), ""])
    if check.good:
        case.system_out = words
    else:
        message = _text(check.reasons[0] if check.reasons else check.status)
        end = (Error if check.status == "not run" else Failure)(message, check.status)
        end.text = words
        case.result = [end]
    return case


def _suites(report: RunReport) -> list[TestSuite]:
    columns: dict[str, list[Verdict]] = {}
    for v in report.run.verdicts:
        columns.setdefault(v.reader, []).append(v)
    environments = {environment.id: environment for environment in report.run.environments}
    failed = [e.id for e in environments.values() if isinstance(e, FailedEnvironment) and e.id not in columns]
    notes = {"notes": "; ".join(report.notes)} if report.notes else {}
    return [_suite(name, environments.get(name), columns.get(name, []), notes) for name in (*columns, *failed)]


def _suite(
    name: str, environment: PreparedEnvironment | None, verdicts: Iterable[Verdict], notes: Mapping[str, str]
) -> TestSuite:
    suite = TestSuite(_text(name))
    properties = dict(notes)
    cases = [_case(v) for v in verdicts]
    if isinstance(environment, ReadyEnvironment):
        properties |= {"python": environment.python_version, "lock": environment.lock_digest}
        properties |= {f"package {package}": version for package, version in environment.packages.items()}
    if isinstance(environment, FailedEnvironment):
        cases.insert(0, _failed(environment.error, name="the environment", classname=name))
    for key, value in properties.items():
        suite.add_property(_text(key), _text(value))
    suite.add_testcases(cases)
    return suite


def _case(verdict: Verdict) -> TestCase:
    case = TestCase(
        _text(f"{verdict.bundle.name} in {verdict.reader}"), _text(verdict.writer), round(verdict.seconds, 3)
    )
    message = _text(f"{verdict.grade}: {wording.reason(verdict)}")
    facts = (f"{name}: {_text(value)}" for name, value in _facts(verdict).items() if value != "")
    words = "\n".join([message, *facts, ""])
    if verdict.as_expected:
        case.system_out = words
    else:
        end = (Error if verdict.grade in _NOT_MEASURED else Failure)(message, verdict.grade)
        end.text = words
        case.result = [end]
    return case


def _facts(verdict: Verdict) -> Mapping[str, object]:
    return {
        "bundle": verdict.bundle,
        "writer": verdict.writer,
        "reader": verdict.reader,
        "float64": numbers.figure(verdict.float64_difference),
        "float32": numbers.figure(verdict.native_difference),
        "labels changed": numbers.count(verdict.labels_changed),
        FIRST_LAYER: verdict.first_layer or "",
        "accuracy": numbers.share(verdict.accuracy),
    }


def _failed(raised: BertBundleError, *, name: str, classname: str) -> TestCase:
    case = TestCase(_text(name), _text(classname), 0.0)
    end = Error(_text(raised.message), type(raised).__name__)
    end.text = "\n".join(map(_text, str(raised).splitlines())) + "\n"
    case.result = [end]
    return case


def _document(suites: Sequence[TestSuite]) -> str:
    whole = JUnitXml(NAME)
    # Not `update_statistics`: it also writes `skipped`, which Jenkins' schema does not allow here.
    whole.tests = sum(suite.tests for suite in suites)
    whole.failures = sum(suite.failures for suite in suites)
    whole.errors = sum(suite.errors for suite in suites)
    whole.time = round(sum(suite.time for suite in suites), 3)
    for suite in suites:
        whole.add_testsuite(suite)
    data = BytesIO()
    whole.write(data)
    return data.getvalue().decode("utf-8") + "\n"


def _text(value: object) -> str:
    """Return `value` on one line, with the characters escaped that XML 1.0 cannot hold."""
    return printable(value, _LONGEST)
