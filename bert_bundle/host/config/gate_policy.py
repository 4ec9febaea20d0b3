"""What a release must be to ship, as frozen records: owns what a policy file may say, checks no release.

`read_policy` is the only door. The description of each field is also what an error says was wanted. The default, with a
comment on every line, is `policy.yaml` beside this module.
"""

import math
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, model_validator

from bert_bundle.errors import ConfigError
from bert_bundle.format import strict_json
from bert_bundle.format.files import sha256
from bert_bundle.host.config import strict_yaml
from bert_bundle.host.config.config_errors import validated
from bert_bundle.host.config.matrix_file import Environment, Identifier, Matrix, StrictModel, Tolerances

DEFAULT = Path(__file__).with_name("gate_policy.yaml")


def allowance(value: Any) -> int | float:
    """`value` if it is a number of examples (whole, from 0 on) or a share of them (with a dot, 0 to 1)."""
    if type(value) is int and value >= 0:
        return value
    if type(value) is float and 0 <= value <= 1:
        return value
    raise ValueError("neither a number of examples nor a share of them")


def allowed(of: int | float, examples: int) -> int:
    """How many of `examples` an allowance is: a share is rounded down."""
    return of if isinstance(of, int) else math.floor(of * examples + 1e-9)  # 0.29 * 100 is 28.999999999999996


Allowance = Annotated[int | float, PlainValidator(allowance)]
Ratio = Annotated[float, Field(gt=0, le=1000, strict=True)]


class Selection(StrictModel):
    """Environments of the matrix, as `Matrix.select` takes them."""

    groups: tuple[Identifier, ...] = Field(
        default=(), description="names of groups of the matrix file", examples=["groups: [ci]"]
    )
    names: tuple[str, ...] = Field(
        default=(), description="ids of environments, or globs", examples=['names: ["tf2.2*"]']
    )

    @model_validator(mode="after")
    def _something(self) -> "Selection":
        if not self.groups and not self.names:
            raise ValueError("no environment is selected: nothing would run, and that is no success")
        return self


class Labels(StrictModel):
    """How many labels may differ from the baseline's, over the examples of both."""

    shared: float = Field(
        default=0.0,
        ge=0,
        le=1,
        strict=True,
        description="a number between 0 and 1, the least share of the baseline's examples that the candidate has too",
        examples=["shared: 0.9"],
    )
    broke: Allowance = Field(
        default=0,
        description="a number of examples, or with a dot a share of them, that were right and are wrong",
        examples=["broke: 0"],
    )
    changed: Allowance = Field(
        default=0.02,
        description="a number of examples, or with a dot a share of them, whose label differs without a known answer, "
        "or from one wrong one to another",
        examples=["changed: 0.02"],
    )
    accuracy_drop: float = Field(
        default=0.0,
        ge=0,
        le=1,
        strict=True,
        description="a number between 0 and 1, the most that the accuracy may fall by",
        examples=["accuracy_drop: 0.01"],
    )


class Budgets(StrictModel):
    """How much more than the baseline a release may take; None: not asked for."""

    size: Ratio | None = Field(
        default=1.1, description="a ratio above 0, of bytes on disk, or null", examples=["size: 1.1"]
    )
    load: Ratio | None = Field(
        default=1.5, description="a ratio above 0, of load times, or null", examples=["load: 1.5"]
    )


class Card(StrictModel):
    """What a release must say of itself."""

    required: tuple[str, ...] = Field(
        default=(), description="keys of a bundle's metadata", examples=["required: [licence, owner]"]
    )


class GatePolicy(StrictModel):
    """The whole file."""

    version: int = Field(ge=1, le=1, strict=True, description="1", examples=["version: 1"])
    environments: Selection = Field(
        default=Selection(groups=("ci",)),
        description="groups or names of environments, at least one",
        examples=["environments: {groups: [ci]}"],
    )
    bounds: Tolerances = Field(
        default=Tolerances(),
        description="a mapping, as policy: of a matrix file",
        examples=["bounds: {double: 5.0e-7}"],
    )
    baseline: Literal["optional", "required"] = Field(
        default="optional", description="optional or required", examples=["baseline: required"]
    )
    behaviour: Labels = Field(default=Labels(), description="a mapping", examples=["behaviour: {broke: 0}"])
    budgets: Budgets = Field(default=Budgets(), description="a mapping", examples=["budgets: {size: 1.1}"])
    card: Card = Field(default=Card(), description="a mapping", examples=["card: {required: [licence]}"])

    @property
    def digest(self) -> str:
        """sha256 of what it asks for, defaults written out: comments and the order of keys do not count."""
        return sha256(strict_json.canonical(self.model_dump(mode="json")))

    def rows(self, matrix: Matrix, *, source: str) -> tuple[Environment, ...]:
        """The environments that it names, in the matrix's order. Raises ConfigError for what the matrix has not."""
        try:
            return matrix.select(groups=self.environments.groups, names=self.environments.names)
        except ConfigError as error:
            raise ConfigError(
                error.message, place=f"{source}: environments", wanted=error.wanted, found=error.found, fix=error.fix
            ) from None


def read_policy(path: Path = DEFAULT) -> GatePolicy:
    """The policy in `path`. Raises ConfigError, its place "NAME: path.to.the.fault", for the first thing that is
    wrong."""
    return validated(GatePolicy, strict_yaml.read(path), source=path.name)
