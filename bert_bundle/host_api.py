"""The public functions audit, gate, diff, bisect and doctor: what their commands do, and the records of their JSON.

Keeps to Python 3.8 syntax, because each is there in every Python, and says where it cannot run.

Layer 12 of the host.
"""

import os
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Iterator, Optional, Sequence, Tuple, Union

from bert_bundle.errors import ConfigError
from bert_bundle.interpreter.host_requirements import obstacle_here
from bert_bundle.progress import Progress, silent

if TYPE_CHECKING:
    from bert_bundle.host.operations.audit import Audit
    from bert_bundle.host.operations.bisect import Bisection
    from bert_bundle.host.operations.diff import Comparison
    from bert_bundle.host.operations.doctor import Diagnoses
    from bert_bundle.host.operations.gate import Gate
    from bert_bundle.host.operations.setup import Setup

AnyPath = Union[str, "os.PathLike[str]"]
Names = Union[str, Sequence[str]]  # one, or several
Paths = Union[AnyPath, Sequence[AnyPath]]

_OPTION = re.compile(r"--([a-z][a-z-]*)")
_ARGUMENTS = {"env": "environments", "with": "upgrade_to"}  # the others are named as the options are


def audit(
    bundle: AnyPath,
    *,
    environments: Names = (),
    groups: Names = (),
    upgrade_to: Names = (),
    upgrade_from: Optional[str] = None,
    python: Paths = (),
    matrix: Optional[AnyPath] = None,
    jobs: Optional[int] = None,
    fresh: bool = False,
    discard_environments: bool = False,
    progress: Optional[Progress] = None,
) -> "Audit":
    """Replay a bundle in several environments and grade each, as `bert-bundle audit` does.

    bundle        its folder, or an address of the Hub: "hf://OWNER/NAME@REVISION"
    environments  ids of the matrix, beginnings of one id, or globs. Without these, groups and upgrades: the group ci
                  if the matrix file has it, else all that are not expected to be refused
    groups        groups of the matrix
    upgrade_to    packages such as "tensorflow==2.21.0 transformers==4.57.6": also audit the environment that each such
                  upgrade would give, and today's for comparison
    upgrade_from  the environment that is upgraded; by default the one nearest to the requested packages
    python        interpreters of environments that are there already, which are audited as they are
    matrix        the matrix file; by default compat_matrix.yaml in the current folder or above it, else the one that
                  comes with bert_bundle
    jobs          workers that run at a time; by default 2, or 1 on a machine with one core
    fresh         compute every replay anew: use none that an earlier run has computed
    discard_environments  make each environment when it is used, and delete it afterwards
    progress      a function that takes each line of progress; by default nothing is reported

    Return an `Audit`: `summary`, one `Verdict` for each environment in `verdicts`, `environments`, `upgrades`, `ok`.
    An environment that cannot be made is in it with its error.

    Raises ConfigError for a wrong argument or matrix file, and where this Python cannot run a matrix; FormatError,
    IntegrityError, UnsafeError, VersionError or LimitError for a bundle that is refused; EnvironmentNotMadeError for
    an upgrade that cannot be resolved.
    """
    with _host("audit"):
        from bert_bundle.host.operations import audit as operation

        with _setup(matrix, jobs, fresh, progress, discard_environments) as setup:
            return operation.audit(
                setup,
                _bundle(bundle),
                names=_names(environments),
                groups=_names(groups),
                upgrades=_names(upgrade_to),
                source=upgrade_from,
                interpreters=_paths(python),
            )


def gate(
    candidate: AnyPath,
    *,
    baseline: Optional[AnyPath] = None,
    policy: Optional[AnyPath] = None,
    out: Optional[AnyPath] = None,
    python: Paths = (),
    matrix: Optional[AnyPath] = None,
    jobs: Optional[int] = None,
    fresh: bool = False,
    discard_environments: bool = False,
    progress: Optional[Progress] = None,
) -> "Gate":
    """Decide whether a release may ship, as `bert-bundle gate` does.

    candidate  the bundle of the release
    baseline   the release that is deployed now, to compare with
    policy     a file of what a release must fulfil; by default the policy that `bert-bundle gate --print-policy` prints
    out        the file for the decision; by default none is written

    The other arguments are those of `audit`. Return a `Gate`: `decision` ("ships", "refused" or "undecided"), one
    `Check` for each check in `checks`, the labels that differ from the baseline's in `changes`, the audit in `run`,
    `ok`.

    Raises what `audit` raises; ConfigError also for a baseline that has other labels, StorageError for `out`.
    """
    with _host("gate"):
        from bert_bundle.host.operations import gate as operation

        with _setup(matrix, jobs, fresh, progress, discard_environments) as setup:
            return operation.gate(
                setup,
                _bundle(candidate),
                baseline=None if baseline is None else _bundle(baseline),
                policy=_path(policy),
                out=_path(out),
                interpreters=_paths(python),
            )


def diff(a: AnyPath, b: AnyPath) -> "Comparison":
    """Compare two bundles, as `bert-bundle diff` does: weights, configuration, graph, texts, recorded behaviour.

    Return a `Comparison`: one `Difference` for each difference in `changes`, how many tensors are equal, how many
    labels changed on the examples that both recorded, and `same`. Runs neither bundle.

    Raises FormatError, IntegrityError, UnsafeError, VersionError or LimitError for a bundle that is refused, and
    ConfigError where this Python cannot run it.
    """
    with _host("diff"):
        from bert_bundle.host.operations import diff as operation

        return operation.diff(_bundle(a), _bundle(b))


def bisect(
    bundle: AnyPath,
    *,
    good: str,
    bad: str,
    tolerance: Optional[float] = None,
    releases: bool = False,
    keep_environments: bool = False,
    matrix: Optional[AnyPath] = None,
    jobs: Optional[int] = None,
    fresh: bool = False,
    discard_environments: bool = False,
    progress: Optional[Progress] = None,
) -> "Bisection":
    """Find the package upgrade that changed the predictions, as `bert-bundle bisect` does.

    good       the environment in which the predictions are as recorded
    bad        the environment in which they are not
    tolerance  the largest float64 difference that counts as good; by default that of the matrix file's policy
    releases   then search for the first release of the package that changes the predictions
    keep_environments  leave the environments that are made in the cache

    The other arguments are those of `audit`. Return a `Bisection`: the `good` and the `bad` verdict, the smallest set
    of upgrades in `culprits`, the `steps` to it, the first `release`, `ok`.

    Raises what `audit` raises; ConfigError also if the two environments agree, EnvironmentNotMadeError if one of them
    cannot be made.
    """
    with _host("bisect"):
        from bert_bundle.host.operations import bisect as operation

        with _setup(matrix, jobs, fresh, progress, discard_environments) as setup:
            return operation.bisect(
                setup,
                _bundle(bundle),
                good=good,
                bad=bad,
                tolerance=tolerance,
                releases=releases,
                keep=keep_environments,
            )


def doctor(*, environments: Names = (), groups: Names = (), matrix: Optional[AnyPath] = None) -> "Diagnoses":
    """Check environments for known breakages, as `bert-bundle doctor` does: from versions, without importing a package.

    environments, groups, matrix  as of `audit`; without environments and groups, this interpreter

    Return `Diagnoses`: `ok`, and in `environments` one `Diagnosis` for each, with the runtimes that work there and each
    `Finding`.

    Raises ConfigError for a wrong argument, matrix file or lock, and where this Python cannot run it.
    """
    with _host("doctor"):
        from bert_bundle.host.operations import doctor as operation

        with _setup(matrix) as setup:
            return operation.doctor(setup, names=_names(environments), groups=_names(groups))


@contextmanager
def _host(function: str) -> Iterator[None]:
    """Provide for a block that runs on the host: name arguments, not options, in its errors about them.

    Raises ConfigError where the host cannot run.
    """
    reason = obstacle_here("bert_bundle." + function)
    if reason is not None:
        raise reason
    try:
        yield
    except ConfigError as error:
        error.message, error.place, error.wanted, error.found, error.fix = map(
            _with_arguments, (error.message, error.place, error.wanted, error.found, error.fix)
        )
        raise


def _with_arguments(text: str) -> str:
    """Return a text about options as one about arguments; a command line stays as it is."""
    if "bert-bundle " in text:
        return text
    return _OPTION.sub(lambda found: _ARGUMENTS.get(found[1], found[1].replace("-", "_")), text)


@contextmanager
def _setup(
    matrix: Optional[AnyPath],
    jobs: Optional[int] = None,
    fresh: bool = False,
    progress: Optional[Progress] = None,
    discard: bool = False,
) -> Iterator["Setup"]:
    """Provide what an operation works with; what it made for itself is removed when the block ends."""
    from bert_bundle.host.operations.setup import Setup
    from bert_bundle.host.runs.job_limit import DEFAULT_JOBS

    setup = Setup(
        matrix_file=_path(matrix),
        jobs=DEFAULT_JOBS if jobs is None else jobs,
        fresh=fresh,
        discard=discard,
        progress=progress or silent,
    )
    with setup.at_end:
        yield setup


def _bundle(given: AnyPath) -> Path:
    """Return the folder of a bundle; that of its download for an address of the Hub."""
    from bert_bundle.hub.download import located

    return Path(located(given))


def _names(given: Names) -> Tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _paths(given: Paths) -> Tuple[Path, ...]:
    return (Path(given),) if isinstance(given, (str, os.PathLike)) else tuple(map(Path, given))


def _path(given: Optional[AnyPath]) -> Optional[Path]:
    return None if given is None else Path(given)
