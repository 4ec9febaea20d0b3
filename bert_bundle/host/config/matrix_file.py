"""The matrix file, compat_matrix.yaml, as frozen records. Does not know how an environment is made.

Read it with `read_matrix`. The description of a field is also the "wanted" part of an error and a row of
docs/matrix.md.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeVar

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from bert_bundle.errors import ConfigError
from bert_bundle.grading.differences import FLOAT64_TOLERANCE, NOISE_TOLERANCE
from bert_bundle.grading.grades import ChangedGrade, FailedGrade
from bert_bundle.host.config import strict_yaml
from bert_bundle.host.config.config_errors import validated
from bert_bundle.host.config.lock_file import naming_requirements, read_lock_file, versions
from bert_bundle.host.config.requirements import check_pinned
from bert_bundle.host.config.selection import select
from bert_bundle.interpreter import known_breakages

FILE_NAME = "compat_matrix.yaml"
DEFAULT_GROUP = "ci"  # of `audit`, `matrix run` and `gate`

T = TypeVar("T")

_RULES = MappingProxyType({rule.id: rule for rule in known_breakages.RULES})


Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Pinned = Annotated[str, AfterValidator(check_pinned)]


class StrictModel(BaseModel):
    """A frozen record of a configuration file; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Environment(StrictModel):
    """One locked set of versions: a row of the matrix.

    With a `lock` of the user's own it has no date, and its packages are those of the lock that name it.
    """

    id: Identifier = Field(
        description="1 to 64 letters, digits, '.', '_' and '-', the first a letter or digit",
        examples=["tf2.10-hf4.25-py3.9:"],
    )
    python: str = Field(
        pattern=r"^3\.([89]|[1-9][0-9])$",
        description="a Python version, 3.8 or newer, in quotes because YAML reads 3.10 as the number 3.1",
        examples=['python: "3.9"'],
    )
    lock: str | None = Field(
        default=None,
        min_length=1,
        description="a lock of your own, relative to the matrix file: a requirements file with hashes, or "
        "a pylock.toml",
        examples=["lock: ../requirements.txt"],
    )
    as_of: date | None = Field(
        default=None,
        strict=True,
        validate_default=True,
        description="the date of the package index to resolve against; newer releases are ignored; required without "
        "lock",
        examples=["as_of: 2022-12-15"],
    )
    packages: tuple[Pinned, ...] = Field(
        default=(),
        validate_default=True,
        description="a list of requirements, each pinned to one release, each package once; required without lock",
        examples=['packages: ["tensorflow-cpu==2.10.1", "transformers==4.25.1"]'],
    )
    runtime: known_breakages.RuntimeName = Field(
        description="transformers or native", examples=["runtime: transformers"]
    )
    groups: tuple[Identifier, ...] = Field(default=(), description="a list of group names", examples=["groups: [ci]"])

    @property
    def pins(self) -> dict[str, str]:
        """Return canonical package name -> the version in `packages`."""
        requirements = map(Requirement, self.packages)
        return {canonicalize_name(r.name): next(iter(r.specifier)).version for r in requirements}

    @property
    def index_date(self) -> date:
        """Return the date to resolve against: today's for a row without one."""
        return self.as_of or datetime.now(UTC).date()

    def derived(self, name: str, packages: Sequence[str]) -> "Environment":
        """Return a row that begins with this one and has other packages: in no group, and without its own lock."""
        new = {"id": name, "packages": tuple(packages), "groups": (), "lock": None, "as_of": self.index_date}
        return self.model_copy(update=new)

    @field_validator("as_of", "packages")
    @classmethod
    def _given_without_lock(cls, value: T, info: ValidationInfo) -> T:
        if not value and info.data.get("lock") is None:
            raise PydanticCustomError("missing", "a key is missing")
        return value

    @field_validator("packages")
    @classmethod
    def _each_once(cls, packages: tuple[str, ...]) -> tuple[str, ...]:
        if len({canonicalize_name(Requirement(p).name) for p in packages}) < len(packages):
            raise ValueError("a package is listed twice")
        return packages


class Expectation(StrictModel):
    """A known exception: the outcome that is expected in the environments that `environment` matches.

    `reason` and `see` default to those of the known breakage that `rule` names.
    """

    environment: str = Field(description="the id of an environment, or a glob", examples=["environment: tf2.4-*"])
    outcome: Literal[ChangedGrade, FailedGrade] = Field(
        description="one of drift, flip, retokenized, reconfigured, refused, crashed, timeout",
        examples=["outcome: refused"],
    )
    rule: str | None = Field(
        default=None,
        description="the id of a known breakage, which then gives reason and see",
        examples=["rule: numpy-2"],
    )
    reason: str = Field(
        pattern=r"\S",
        description="the reason, in words; required without rule",
        examples=["reason: the tokenizer of this release drops accents"],
    )
    see: str | None = Field(
        default=None, description="where it is reported", examples=["see: tensorflow/tensorflow#117700"]
    )

    @model_validator(mode="before")
    @classmethod
    def _explained_by_its_rule(cls, data: Any) -> Any:
        name = data.get("rule") if isinstance(data, Mapping) else None
        rule = _RULES.get(name) if isinstance(name, str) else None
        return data if rule is None else {"reason": rule.why, "see": rule.see, **data}

    @field_validator("rule")
    @classmethod
    def _known(cls, rule: str | None) -> str | None:
        if rule is not None and rule not in _RULES:
            raise ValueError("unknown rule")
        return rule


def known_exception(expect: Sequence[Expectation], environment: str) -> Expectation | None:
    """Return the known exception for the environment with that id, or None."""
    return next((e for e in expect if fnmatchcase(environment, e.environment)), None)


class Tolerances(StrictModel):
    """How far replays may differ. A bound that is wider than the default needs a reason, which reports show."""

    labels: Literal["identical"] = Field(
        default="identical", description="identical, the only value", examples=["labels: identical"]
    )
    # Releases that compute the same function differ by at most 7.3e-8 of the scale (docs/compatibility.md, "Spread").
    double: float = Field(
        default=FLOAT64_TOLERANCE,
        gt=0,
        lt=1,
        strict=True,
        description="a number between 0 and 1: the largest difference of float64 replays, in units of the output's "
        "scale; written with a dot, because YAML reads 5e-7 as a string",
        examples=["double: 5.0e-7"],
    )
    noise: float = Field(
        default=NOISE_TOLERANCE,
        gt=0,
        le=100,
        strict=True,
        description="a number above 0 and at most 100: the largest difference of float32 replays, in units of the "
        "bundle's noise floor",
        examples=["noise: 2.0"],
    )
    reason: str | None = Field(
        default=None,
        validate_default=True,
        description="the reason for a bound that is wider than the default, in words",
        examples=["reason: this model is served from machines with AVX2 and AVX512 alike"],
    )

    @field_validator("reason")
    @classmethod
    def _given_where_wider(cls, reason: str | None, info: ValidationInfo) -> str | None:
        if reason is not None and not reason.strip():
            raise ValueError("the reason is empty")
        if reason is None and (
            info.data.get("double", 0) > FLOAT64_TOLERANCE or info.data.get("noise", 0) > NOISE_TOLERANCE
        ):
            raise ValueError("a bound is wider than the default and has no reason")
        return reason

    @property
    def widened(self) -> str:
        """Return the bounds that are wider than the default and the reason, in words; empty if there are none."""
        bounds = [("double", self.double, FLOAT64_TOLERANCE), ("noise", self.noise, NOISE_TOLERANCE)]
        wider = [f"{name} {value:g} instead of {default:g}" for name, value, default in bounds if value > default]
        return f"bounds widened: {', '.join(wider)}: {self.reason}" if wider else ""


class Properties(StrictModel):
    """How many classifiers a run generates, and from which seed."""

    examples: int = Field(
        default=25, ge=1, strict=True, description="a whole number, 1 or more", examples=["examples: 25"]
    )
    seed: int = Field(default=0, ge=0, strict=True, description="a whole number, 0 or more", examples=["seed: 0"])


class Matrix(StrictModel):
    """The whole file; `environments` in the file's order."""

    version: int = Field(ge=1, le=1, strict=True, description="1", examples=["version: 1"])
    environments: tuple[Environment, ...] = Field(
        min_length=1,
        description="a mapping from ids to environments, not empty",
        examples=['environments: {tf2.10: {python: "3.9", as_of: 2022-12-15, packages: [...], runtime: transformers}}'],
    )
    expect: tuple[Expectation, ...] = Field(
        default=(), description="a list of known exceptions", examples=["expect: []"]
    )
    policy: Tolerances = Field(default=Tolerances(), description="a mapping", examples=["policy: {labels: identical}"])
    properties: Properties = Field(default=Properties(), description="a mapping", examples=["properties: {seed: 0}"])

    @model_validator(mode="after")
    def _expectations_match(self) -> "Matrix":
        already: set[str] = set()
        for index, expectation in enumerate(self.expect):
            matched = [e.id for e in self.environments if fnmatchcase(e.id, expectation.environment)]
            twice = [i for i in matched if i in already]
            if twice or not matched:
                raise PydanticCustomError(
                    "expectation",
                    "the exception matches {what}",
                    {
                        "place": ("expect", index, "environment"),
                        "what": f"{twice[0]}, which an earlier one matches" if twice else "no environment",
                        "found": expectation.environment,
                    },
                )
            already |= set(matched)
        return self

    @property
    def loading(self) -> tuple[Environment, ...]:
        """Return the environments that are expected to be able to load bundles, and so to write them."""
        found = ((e, known_exception(self.expect, e.id)) for e in self.environments)
        return tuple(e for e, known in found if known is None or known.outcome != "refused")

    def select(self, *, groups: Sequence[str] = (), names: Sequence[str] = ()) -> tuple[Environment, ...]:
        """Return the environments that `selection.select` means, in the order of the file. Raises ConfigError."""
        return select(self.environments, groups=groups, names=names, working=[e.id for e in self.loading])

    def select_or_default(
        self, *, groups: Sequence[str] = (), names: Sequence[str] = (), default: str = DEFAULT_GROUP
    ) -> tuple[Environment, ...]:
        """Return what is selected; without groups and names, the group `default`.

        If the file does not have that group either, every environment that is not expected to be refused. Raises
        ConfigError.
        """
        if groups or names:
            return self.select(groups=groups, names=names)
        return tuple(e for e in self.environments if default in e.groups) or self.loading or self.environments


def read_matrix(path: Path) -> Matrix:
    """Read the matrix file at `path`.

    Raises ConfigError for the first fault, with the place "NAME: path.to.the.fault", and for a row whose own lock
    cannot be used.
    """
    data = strict_yaml.read(path)
    if isinstance(data, Mapping) and "environments" in data:
        data = {**data, "environments": _rows(data["environments"], source=path.name)}
    matrix = validated(Matrix, data, source=path.name)
    return matrix.model_copy(update={"environments": tuple(_named(row, path.parent) for row in matrix.environments)})


def _named(row: Environment, folder: Path) -> Environment:
    """Return a row with the packages of its own lock that name it; any other row as it is."""
    if row.lock is None:
        return row
    pins = versions(read_lock_file(folder / row.lock, row.python, name=row.lock))
    return row.model_copy(update={"packages": naming_requirements(pins)})


def _rows(environments: object, *, source: str) -> list[object]:
    """Return the mapping from ids to rows as a list of rows with an id."""
    place = f"{source}: environments"
    if not isinstance(environments, Mapping):
        raise ConfigError(
            "the environments are not a mapping",
            place=place,
            wanted="a mapping from ids to environments",
            found=repr(environments),
            fix="write one key per environment",
        )
    for name, row in environments.items():
        if not isinstance(row, Mapping):
            raise ConfigError(
                "not a mapping",
                place=f"{place}.{name}",
                wanted="python, as_of, packages, runtime",
                found=repr(row),
                fix="write these keys indented below the id",
            )
        if "id" in row:
            raise ConfigError("unknown key", place=f"{place}.{name}.id", found="id", fix="remove it: the key is the id")
        _check_one_source(row, f"{place}.{name}")
    return [{"id": name, **row} for name, row in environments.items()]


def _check_one_source(row: Mapping[str, object], place: str) -> None:
    """Raise ConfigError for a row with a lock and with what a lock would be made from."""
    beside = [key for key in ("as_of", "packages") if row.get(key) is not None]
    if row.get("lock") is not None and beside:
        raise ConfigError(
            "the lock decides what this row has",
            place=f"{place}.{beside[0]}",
            wanted="lock, or as_of and packages",
            found=f"lock and {' and '.join(beside)}",
            fix=f"remove {' and '.join(beside)}, or remove lock",
        )
