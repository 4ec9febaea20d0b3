"""A run as JUnit XML, for what CI systems show of tests: owns suites, cases and how a grade ends in them.

A reader is a suite and a cell a case. There is no `skipped`: a cell in which nothing was tried has no result, which is
an error. CI systems know a case by its class and its name, whatever suite it is in, and keep the first of equal ones
(https://docs.gitlab.com/ci/testing/unit_test_reports), so a name holds the bundle and the reader.
"""

from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO

from junitparser import Error, Failure, JUnitXml, TestCase, TestSuite

from bert_bundle.errors import BertBundleError, printable
from bert_bundle.host.environments.environment import ReadyEnvironment
from bert_bundle.host.environments.prepare import FailedEnvironment, PreparedEnvironment
from bert_bundle.host.gate.checks import ASKS, Check
from bert_bundle.host.gate.gate import Gate
from bert_bundle.host.report import terminal, wording
from bert_bundle.host.runs.run import Run
from bert_bundle.host.runs.verdict import MEANING, Verdict

NAME = "bert-bundle"
_NO_ANSWER = frozenset(("crashed", "timeout", "not run"))  # nothing was measured: an error and not a failure
_LONGEST = 4000  # characters of a text: a reason may hold all parts of an error


def run(found: Run) -> str:
    """A suite for each reader, and for each environment that could not be made a case that says so."""
    return _document(_suites(found))


def gate(found: Gate) -> str:
    """A suite with a case for each check; then the suites of the audit. What was not asked for passes and says so."""
    suite = TestSuite(_text(found.candidate.path.name))
    suite.add_property("decision", found.decision)
    suite.add_property("candidate", found.candidate.manifest.digest)
    suite.add_testcases([_check(check) for check in found.checks])
    return _document([suite, *_suites(found.run)])


def _check(check: Check) -> TestCase:
    case = TestCase(check.name, "gate", 0.0)
    words = "\n".join([f"{check.status}: {ASKS[check.name]}", wording.figures(check), *map(_text, check.reasons), ""])
    if check.status in ("passed", "not asked for"):
        case.system_out = words
    else:
        message = _text(check.reasons[0] if check.reasons else check.status)
        end = (Error if check.status == "not run" else Failure)(message, check.status)
        end.text = words
        case.result = [end]
    return case


def _suites(found: Run) -> list[TestSuite]:
    columns: dict[str, list[Verdict]] = {}
    for v in found.verdicts:
        columns.setdefault(v.reader, []).append(v)
    places = {place.id: place for place in found.environments}
    missing = [name for name, place in places.items() if isinstance(place, FailedEnvironment) and name not in columns]
    bounds = {"policy": found.policy.widened} if found.policy.widened else {}
    return [_suite(name, places.get(name), columns.get(name, []), bounds) for name in (*columns, *missing)]


def error(raised: BertBundleError) -> str:
    """A command that ended before it had verdicts: one case, which is an error."""
    suite = TestSuite(NAME)
    suite.add_testcases([_failed(raised, name="the run", classname=NAME)])
    return _document([suite])


def _suite(
    name: str, place: PreparedEnvironment | None, verdicts: Iterable[Verdict], bounds: Mapping[str, str]
) -> TestSuite:
    suite = TestSuite(_text(name))
    for key, value in bounds.items():
        suite.add_property(key, _text(value))
    cases = [_case(v) for v in verdicts]
    if isinstance(place, ReadyEnvironment):
        packages = {f"package {package}": version for package, version in place.packages.items()}
        for key, value in {"python": place.python_version, "lock": place.lock_digest, **packages}.items():
            suite.add_property(_text(key), _text(value))
    if isinstance(place, FailedEnvironment):
        cases.insert(0, _failed(place.error, name="the environment", classname=name))
    suite.add_testcases(cases)
    return suite


def _case(verdict: Verdict) -> TestCase:
    case = TestCase(
        _text(f"{verdict.bundle.name} in {verdict.reader}"), _text(verdict.writer), round(verdict.seconds, 3)
    )
    reason = verdict.reason or MEANING[verdict.grade]
    message = _text(f"{verdict.grade}: {reason}")
    facts = (f"{name}: {_text(value)}" for name, value in _facts(verdict).items() if value != "")
    words = "\n".join([message, *facts, ""])
    if verdict.as_expected:
        case.system_out = words
    else:
        end = (Error if verdict.grade in _NO_ANSWER else Failure)(message, verdict.grade)
        end.text = words
        case.result = [end]
    return case


def _facts(verdict: Verdict) -> Mapping[str, object]:
    return {
        "bundle": verdict.bundle,
        "writer": verdict.writer,
        "reader": verdict.reader,
        "float64": terminal.figure(verdict.float64_difference).plain,
        "float32": terminal.figure(verdict.native_difference).plain,
        "labels changed": "" if verdict.labels_changed is None else verdict.labels_changed,
        "first layer that differs": verdict.first_layer or "",
        "accuracy": terminal.share(verdict.accuracy).plain,
    }


def _failed(raised: BertBundleError, *, name: str, classname: str) -> TestCase:
    case = TestCase(_text(name), _text(classname), 0.0)
    end = Error(_text(raised.message), type(raised).__name__)
    end.text = "\n".join(map(_text, str(raised).splitlines())) + "\n"
    case.result = [end]
    return case


def _document(suites: Sequence[TestSuite]) -> str:
    whole = JUnitXml(NAME)
    # Not by `update_statistics`: it counts what is skipped too, for which Jenkins' schema has no place here.
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
    """What XML 1.0 can hold, on one line: it has no control characters, no lone surrogates and no noncharacters."""
    return printable(value, _LONGEST)
