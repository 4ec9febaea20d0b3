"""The matrix file as frozen records: owns what compat_matrix.yaml may say, refuses to know how an environment is made.

`read_matrix` is the only door. The description of each field below is also what an error says was wanted.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal

from packaging.requirements import InvalidRequirement, Requirement
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
from bert_bundle.interpreter.known_breakages import RuntimeName

FILE_NAME = "compat_matrix.yaml"


def check_pinned(text: str) -> str:
    """`text` if it is a requirement of exactly one release, as in `tf-keras==2.15.1`; ValueError otherwise."""
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        raise ValueError("not a requirement") from error
    releases = [s.version for s in requirement.specifier if s.operator == "==" and not s.version.endswith(".*")]
    if len(requirement.specifier) != 1 or len(releases) != 1:
        raise ValueError("not pinned to one release")
    if requirement.url or requirement.marker:
        raise ValueError("an address or a condition, which would hide what is installed")
    return text


Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Pinned = Annotated[str, AfterValidator(check_pinned)]


class StrictModel(BaseModel):
    """A frozen record of a file that people write: a key that it does not have is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Environment(StrictModel):
    """One locked set of versions: a row of the matrix."""

    id: Identifier = Field(
        description="a name of letters, digits, '.', '_' and '-', at most 64 characters",
        examples=["tf2.10-hf4.25-py3.9:"],
    )
    python: str = Field(
        pattern=r"^3\.([89]|[1-9][0-9])$",
        description="a Python version from 3.8 on, in quotes: without them YAML reads 3.10 as the number 3.1",
        examples=['python: "3.9"'],
    )
    as_of: date = Field(
        strict=True,
        description="the day whose package index is resolved against",
        examples=["as_of: 2022-12-15"],
    )
    packages: tuple[Pinned, ...] = Field(
        min_length=1,
        description="requirements of exactly one release each, no package twice",
        examples=['packages: ["tensorflow-cpu==2.10.1", "transformers==4.25.1"]'],
    )
    runtime: RuntimeName = Field(description="transformers or native", examples=["runtime: transformers"])
    groups: tuple[Identifier, ...] = Field(default=(), description="names of groups", examples=["groups: [ci]"])

    @property
    def pins(self) -> dict[str, str]:
        """Canonical package name to the version that `packages` asks for."""
        requirements = map(Requirement, self.packages)
        return {canonicalize_name(r.name): next(iter(r.specifier)).version for r in requirements}

    @field_validator("packages")
    @classmethod
    def _each_once(cls, packages: tuple[str, ...]) -> tuple[str, ...]:
        if len({canonicalize_name(Requirement(p).name) for p in packages}) < len(packages):
            raise ValueError("a package twice")
        return packages


class Expectation(StrictModel):
    """A known exception: what the environments that `environment` matches are expected to do instead of agreeing."""

    environment: str = Field(description="an environment's id, or a glob", examples=["environment: tf2.4-*"])
    outcome: Literal[ChangedGrade, FailedGrade] = Field(
        description="one of drift, flip, retokenized, reconfigured, refused, crashed, timeout",
        examples=["outcome: refused"],
    )
    reason: str = Field(
        pattern=r"\S",
        description="why, in words",
        examples=["reason: TensorFlow up to 2.17 is built for NumPy 1"],
    )
    see: str | None = Field(
        default=None, description="where it is reported", examples=["see: tensorflow/tensorflow#117700"]
    )


def known_exception(expect: Sequence[Expectation], environment: str) -> Expectation | None:
    """What the environment with that id is expected to do instead of agreeing; None when nothing is known of it."""
    return next((e for e in expect if fnmatchcase(environment, e.environment)), None)


class Tolerances(StrictModel):
    """Where agreement ends. A bound may be tighter than usual; one that is wider needs a reason, which reports show."""

    labels: Literal["identical"] = Field(
        default="identical", description="identical: nothing else yet", examples=["labels: identical"]
    )
    # FACTS: releases whose function is the same differ by at most 3e-8 of the output's scale in float64.
    double: float = Field(
        default=FLOAT64_TOLERANCE,
        gt=0,
        lt=1,
        strict=True,
        description="a number between 0 and 1, the largest difference of float64 replays, in units of the output's "
        "scale; with a dot, or YAML reads a string",
        examples=["double: 5.0e-7"],
    )
    noise: float = Field(
        default=NOISE_TOLERANCE,
        gt=0,
        le=100,
        strict=True,
        description="a number above 0, at most 100, how many times a bundle's own noise floor float32 replays may lie "
        "apart",
        examples=["noise: 2.0"],
    )
    reason: str | None = Field(
        default=None,
        validate_default=True,
        description="why a bound is wider than usual, in words",
        examples=["reason: this model is served from machines with AVX2 and AVX512 alike"],
    )

    @field_validator("reason")
    @classmethod
    def _given_where_wider(cls, reason: str | None, info: ValidationInfo) -> str | None:
        if reason is not None and not reason.strip():
            raise ValueError("a reason without words")
        if reason is None and (
            info.data.get("double", 0) > FLOAT64_TOLERANCE or info.data.get("noise", 0) > NOISE_TOLERANCE
        ):
            raise ValueError("a bound is wider than usual, and nothing says why")
        return reason

    @property
    def widened(self) -> str:
        """The bounds that are wider than usual with the reason, in words; empty where none is."""
        bounds = [("double", self.double, FLOAT64_TOLERANCE), ("noise", self.noise, NOISE_TOLERANCE)]
        wider = [f"{name} {mine:g} instead of {usual:g}" for name, mine, usual in bounds if mine > usual]
        return f"bounds widened: {', '.join(wider)}: {self.reason}" if wider else ""


class Properties(StrictModel):
    """How many classifiers a run generates for each writer, and from which seed."""

    examples: int = Field(
        default=25, ge=1, strict=True, description="a whole number from 1 on", examples=["examples: 25"]
    )
    seed: int = Field(default=0, ge=0, strict=True, description="a whole number from 0 on", examples=["seed: 0"])


class Matrix(StrictModel):
    """The whole file; `environments` in the file's order."""

    version: int = Field(ge=1, le=1, strict=True, description="1", examples=["version: 1"])
    environments: tuple[Environment, ...] = Field(
        min_length=1,
        description="a mapping of ids to environments, not empty",
        examples=['environments: {tf2.10: {python: "3.9", as_of: 2022-12-15, packages: [...], runtime: transformers}}'],
    )
    expect: tuple[Expectation, ...] = Field(default=(), description="a list of exceptions", examples=["expect: []"])
    policy: Tolerances = Field(default=Tolerances(), description="a mapping", examples=["policy: {labels: identical}"])
    properties: Properties = Field(default=Properties(), description="a mapping", examples=["properties: {seed: 0}"])

    @model_validator(mode="after")
    def _expectations_match(self) -> "Matrix":
        claimed: dict[str, int] = {}
        for index, expectation in enumerate(self.expect):
            matched = [e.id for e in self.environments if fnmatchcase(e.id, expectation.environment)]
            twice = [i for i in matched if i in claimed]
            if twice or not matched:
                raise PydanticCustomError(
                    "expectation",
                    "an expectation that matches {what}",
                    {
                        "place": ("expect", index, "environment"),
                        "what": f"what another already does: {twice[0]}" if twice else "no environment",
                        "found": expectation.environment,
                    },
                )
            claimed |= dict.fromkeys(matched, index)
        return self

    @property
    def loading(self) -> tuple[Environment, ...]:
        """All environments but those that are expected to be refused: these can load nothing, and write nothing."""
        known = ((e, known_exception(self.expect, e.id)) for e in self.environments)
        return tuple(e for e, found in known if found is None or found.outcome != "refused")

    def select(self, *, groups: Sequence[str] = (), names: Sequence[str] = ()) -> tuple[Environment, ...]:
        """The environments in one of `groups` whose id matches one of `names` (globs), in the file's order.

        An empty sequence does not narrow. Raises ConfigError, listing what exists, for a group or a glob that nothing
        answers to, and for a selection that ends up empty.
        """
        known = sorted({group for e in self.environments for group in e.groups})
        for group in groups:
            if group not in known:
                raise ConfigError("unknown group", wanted=_one_of(known), found=group, fix="choose one of those")
        ids = [e.id for e in self.environments]
        for name in names:
            if not any(fnmatchcase(i, name) for i in ids):
                raise ConfigError(
                    "no environment matches", wanted=_one_of(ids), found=name, fix="choose one of those, or a glob"
                )
        selected = tuple(
            e
            for e in self.environments
            if (not groups or set(groups) & set(e.groups)) and (not names or any(fnmatchcase(e.id, n) for n in names))
        )
        if not selected:
            raise ConfigError(
                "no environment is in the groups and matches the names",
                wanted=_one_of(ids),
                found=f"groups {', '.join(groups)}; names {', '.join(names)}",
                fix="widen one of them",
            )
        return selected


def read_matrix(path: Path) -> Matrix:
    """The matrix in `path`.

    Raises ConfigError, its place "NAME: path.to.the.fault", for the first thing that is wrong.
    """
    data = strict_yaml.read(path)
    if isinstance(data, Mapping) and "environments" in data:
        data = {**data, "environments": _rows(data["environments"], source=path.name)}
    return validated(Matrix, data, source=path.name)


def default_matrix_path(start: Path | None = None) -> Path:
    """The nearest compat_matrix.yaml in `start` (default: the current directory) or above, else the repository's own.

    Raises ConfigError when there is neither.
    """
    here = (start or Path.cwd()).resolve()
    repository = Path(__file__).resolve().parents[3]
    for folder in (here, *here.parents, repository):
        if (folder / FILE_NAME).is_file():
            return folder / FILE_NAME
    raise ConfigError(
        f"no {FILE_NAME}", place=here, wanted="one here or in a folder above", fix="name it with --matrix FILE"
    )


def _rows(environments: Any, *, source: str) -> list[Any]:
    """The file's mapping of ids to rows as a list of rows that hold their id."""
    place = f"{source}: environments"
    if not isinstance(environments, Mapping):
        raise ConfigError(
            "the environments are not a mapping",
            place=place,
            wanted="ids, each with its row",
            found=repr(environments),
            fix="write one key for each environment",
        )
    for name, row in environments.items():
        if not isinstance(row, Mapping):
            raise ConfigError(
                "not a mapping",
                place=f"{place}.{name}",
                wanted="python, as_of, packages, runtime",
                found=repr(row),
                fix="write them below it, indented",
            )
        if "id" in row:
            raise ConfigError("unknown key", place=f"{place}.{name}.id", found="id", fix="remove it: the key is the id")
    return [{"id": name, **row} for name, row in environments.items()]


def _one_of(names: Iterable[str]) -> str:
    return "one of " + ", ".join(names)
