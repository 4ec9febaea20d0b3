"""The pytest plugin: `pytest --bundle PATH` tests a bundle in each environment; fixtures build tiny classifiers.

pytest imports it wherever bert_bundle is installed. So it keeps to Python 3.8 syntax and pytest 6, imports nothing that
is heavy, and does nothing unless an option or a fixture is used. pytest 6 does not have the types of its hooks.

Layer 13 of the host.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Iterator, List, Sequence

import pytest

import bert_bundle
from bert_bundle.errors import BertBundleError, ConfigError
from bert_bundle.interpreter.host_requirements import obstacle_here

if TYPE_CHECKING:
    from bert_bundle.classifiers.specification import BuiltClassifier
    from bert_bundle.host.runs.verdict import Verdict

MARKER = "bert_bundle"


class NotAsExpectedError(Exception):
    """A bundle that is not as expected in an environment; the message is the verdict of the report."""


class BundleTests(pytest.Collector):
    """The tests of one bundle, one for each environment."""

    def __init__(self, *, environments: Sequence[str], matrix: Path, **others: Any) -> None:
        super().__init__(**others)
        self._environments = environments
        self._matrix = matrix

    def collect(self) -> "Iterator[BundleTest]":
        """Yield the test of each environment."""
        for name in self._environments:
            yield BundleTest.from_parent(self, name=name, bundle=self.name, matrix=self._matrix)


class BundleTest(pytest.Item):
    """The audit of a bundle in the environment that the test is named after."""

    def __init__(self, *, bundle: str, matrix: Path, **others: Any) -> None:
        super().__init__(**others)
        self._bundle = bundle
        self._matrix = matrix
        self.add_marker(MARKER)

    def runtest(self) -> None:
        """Replay the bundle. Raises NotAsExpectedError, or the error of an environment that could not be made."""
        found = bert_bundle.audit(self._bundle, environments=self.name, matrix=self._matrix, progress=print)
        for environment in found.environments:
            if environment.error is not None:
                raise environment.error
        (verdict,) = found.verdicts
        self.user_properties.append(("grade", verdict.grade))
        if not verdict.as_expected:
            raise NotAsExpectedError(_described(verdict))

    def repr_failure(self, excinfo: Any, *arguments: Any, **options: Any) -> Any:
        """Return the reason of the report; the traceback of anything else, which is a bug."""
        if isinstance(excinfo.value, (NotAsExpectedError, BertBundleError)):
            return str(excinfo.value)
        return super().repr_failure(excinfo, *arguments, **options)


def pytest_addoption(parser: "pytest.Parser") -> None:
    """Add the options."""
    group = parser.getgroup("bert_bundle", "bundles of bert_bundle")
    group.addoption(
        "--bundle",
        action="append",
        default=[],
        metavar="PATH",
        help="also run one test of this bundle for each environment of the matrix file; may be repeated",
    )
    group.addoption(
        "--bundle-env",
        action="append",
        default=[],
        metavar="ID",
        help="with --bundle: environments by id, by the beginning of one id, or by a glob; may be repeated; by default "
        "the group ci if the matrix file has it, else all that are not expected to be refused",
    )
    group.addoption(
        "--bundle-matrix",
        metavar="FILE",
        help="with --bundle: the matrix file; by default compat_matrix.yaml in this folder or above it, else the one "
        "that comes with bert_bundle",
    )


def pytest_configure(config: "pytest.Config") -> None:
    """Register the marker of the tests. Raises UsageError for options that mean nothing here."""
    config.addinivalue_line("markers", MARKER + ": a test of a bundle, made by `--bundle`")
    options = config.option
    if (options.bundle_env or options.bundle_matrix) and not options.bundle:
        raise pytest.UsageError("--bundle-env and --bundle-matrix need --bundle PATH")
    reason = obstacle_here("pytest --bundle") if options.bundle else None
    if reason is not None:
        raise pytest.UsageError(str(reason))


@pytest.hookimpl(tryfirst=True)  # before `-k` and `-m` select
def pytest_collection_modifyitems(session: pytest.Session, config: "pytest.Config", items: List[pytest.Item]) -> None:
    """Add the tests of bundles after all others."""
    options = config.option
    if not options.bundle:
        return
    from bert_bundle.host.operations.setup import Setup

    setup = Setup(matrix_file=Path(options.bundle_matrix) if options.bundle_matrix else None)
    try:
        names = [row.id for row in setup.matrix.select_or_default(names=options.bundle_env)]
    except ConfigError as error:
        raise pytest.UsageError(str(error)) from None
    for path in options.bundle:
        tests: BundleTests = BundleTests.from_parent(
            session, name=path, nodeid=path, environments=names, matrix=setup.matrix_path
        )
        items.extend(tests.collect())


@pytest.fixture(scope="session")
def build_classifier() -> "Callable[..., BuiltClassifier]":
    """Return a function that builds a tiny classifier in the installed Keras: `build_classifier(classes=3)`.

    Its arguments are fields of `bert_bundle.classifiers.specification.CLASSIC`. What it returns has the arguments of
    `bert_bundle.save`: model, tokenizer, labels, examples, max_length, options.
    """
    from bert_bundle.classifiers import specification

    def build(**fields: Any) -> "BuiltClassifier":
        unknown = sorted(fields.keys() - specification.CLASSIC.keys())
        if unknown:
            raise ConfigError(
                "not a field of a classifier", place=unknown[0], wanted=", ".join(sorted(specification.CLASSIC))
            )
        return specification.build(fields)

    return build


@pytest.fixture(scope="session")
def tiny_classifier(build_classifier: "Callable[..., BuiltClassifier]") -> "BuiltClassifier":
    """Return a tiny classifier of texts and ten numerical features, into two classes. Leave it unchanged."""
    return build_classifier()


@pytest.fixture(scope="session")
def tiny_bundle(tiny_classifier: "BuiltClassifier", tmp_path_factory: "pytest.TempPathFactory") -> Path:
    """Return the path of a bundle of the tiny classifier, saved without a proof. Copy it before changing anything."""
    path = tmp_path_factory.mktemp("tiny") / "bundle"
    bert_bundle.save(
        tiny_classifier.model,
        path,
        tokenizer=tiny_classifier.tokenizer,
        labels=tiny_classifier.labels,
        examples=tiny_classifier.examples,
        max_length=tiny_classifier.max_length,
        prove=False,
        **tiny_classifier.options,
    )
    return path


def _described(verdict: "Verdict") -> str:
    """Return a verdict as the lines of a failed test."""
    figures = {
        "first layer that differs": verdict.first_layer,
        "float64 difference": verdict.double,
        "labels changed": verdict.labels_changed,
    }
    lines = ["{} in {}: {}".format(verdict.bundle, verdict.reader, verdict.grade), "  " + verdict.reason]
    return "\n".join([*lines, *("  {}: {}".format(name, value) for name, value in figures.items() if value)])
