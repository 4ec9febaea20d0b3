"""What a classifier needs of an environment, and what an environment lacks of it.

Owns the check of requirements against installed packages. Does not know which classifiers there are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bert_bundle.host.environments.environment import ReadyEnvironment
from bert_bundle.host.environments.nearest import release_of
from bert_bundle.host.environments.prepare import FailedEnvironment, PreparedEnvironment, TemporaryEnvironment
from bert_bundle.interpreter.known_breakages import AUTO

Part = Literal["writers", "readers"]  # fields of a specification: runtime -> requirements of packages


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A bundle that was not written, because its writer lacks what the classifier `needs`.

    `cells` is how many environments would have read it.
    """

    bundle: Path
    writer: str
    needs: str
    cells: int


def lacking(
    specification: Mapping[str, object], part: Part, environment: PreparedEnvironment | TemporaryEnvironment
) -> str:
    """Return what an environment lacks to write or to read a classifier: `needs transformers>=4.25`, or nothing.

    An environment that could not be made lacks nothing: that has its own reason.
    """
    needs = specification.get(part)
    if not isinstance(needs, Mapping) or isinstance(environment, FailedEnvironment):
        return ""
    runtime, packages = _content(environment)
    if runtime == AUTO:
        return ""
    if runtime not in needs:
        return f"needs the {' or '.join(needs)} runtime"
    return _unmet(needs[runtime], packages)


def _content(environment: ReadyEnvironment | TemporaryEnvironment) -> tuple[str, Mapping[str, str]]:
    """Return the runtime and the packages of an environment."""
    if isinstance(environment, ReadyEnvironment):
        return environment.runtime, environment.packages
    return environment.environment.runtime, environment.lock.pins


def _unmet(requirements: Sequence[str], packages: Mapping[str, str]) -> str:
    for text in requirements:
        requirement = Requirement(text)
        found = release_of(canonicalize_name(requirement.name), packages)
        if found is None or not requirement.specifier.contains(found, prereleases=True):
            return f"needs {text}"
    return ""
