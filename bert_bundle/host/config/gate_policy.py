"""The policy of `bert-bundle gate` as frozen records. Checks no bundle.

Read it with `read_policy`. The description of a field is also the "wanted" part of an error, and a row of docs/gate.md.
The default, with comments, is gate_policy.yaml beside this module.
"""

import math
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PlainValidator, model_validator

from bert_bundle.errors import ConfigError
from bert_bundle.format import strict_json
from bert_bundle.format.files import sha256
from bert_bundle.host.config import strict_yaml
from bert_bundle.host.config.config_errors import validated
from bert_bundle.host.config.matrix_file import (
    Environment,
    Identifier,
    Matrix,
    StrictModel,
    Tolerances,
)

DEFAULT = Path(__file__).with_name("gate_policy.yaml")


def check_allowance(value: object) -> int | float:
    """Return `value` if it is a number of examples (an int, 0 or more) or a share of them (a float, 0 to 1).

    Raises ValueError otherwise.
    """
    if type(value) is int and value >= 0:
        return value
    if type(value) is float and 0 <= value <= 1:
        return value
    raise ValueError("neither a number of examples nor a share of them")


def allowed(allowance: int | float, examples: int) -> int:
    """Return how many of `examples` an allowance is; a share is rounded down."""
    if isinstance(allowance, int):
        return allowance
    return math.floor(allowance * examples + 1e-9)  # 0.29 * 100 is 28.999999999999996


Allowance = Annotated[int | float, PlainValidator(check_allowance)]
Ratio = Annotated[float, Field(gt=0, le=1000, strict=True)]


class Selection(StrictModel):
    """Environments of the matrix file, selected as by --groups and --env."""

    groups: tuple[Identifier, ...] = Field(
        default=(), description="a list of groups of the matrix file", examples=["groups: [ci]"]
    )
    names: tuple[str, ...] = Field(
        default=(), description="a list of ids of environments, or globs", examples=['names: ["tf2.2*"]']
    )

    @model_validator(mode="after")
    def _not_empty(self) -> "Selection":
        if not self.groups and not self.names:
            raise ValueError("no environment is selected, so nothing would be checked")
        return self


class Labels(StrictModel):
    """How many labels may differ from those of the baseline, over the examples that both have recorded."""

    shared: float = Field(
        default=0.0,
        ge=0,
        le=1,
        strict=True,
        description="a number between 0 and 1: the share of the baseline's examples that the candidate must have",
        examples=["shared: 0.9"],
    )
    broke: Allowance = Field(
        default=0,
        description="how many examples may change from right to wrong: a whole number, or a share with a dot",
        examples=["broke: 0"],
    )
    changed: Allowance = Field(
        default=0.02,
        description="how many examples may change their label if no true label is recorded, or from one wrong label to "
        "another: a whole number, or a share with a dot",
        examples=["changed: 0.02"],
    )
    accuracy_drop: float = Field(
        default=0.0,
        ge=0,
        le=1,
        strict=True,
        description="a number between 0 and 1: the largest decrease of the accuracy",
        examples=["accuracy_drop: 0.01"],
    )


class Budgets(StrictModel):
    """How much larger and slower than the baseline the candidate may be; None for no limit."""

    size: Ratio | None = Field(
        default=1.1, description="a ratio above 0 of the sizes on disk, or null for no limit", examples=["size: 1.1"]
    )
    load: Ratio | None = Field(
        default=1.5, description="a ratio above 0 of the load times, or null for no limit", examples=["load: 1.5"]
    )


class Card(StrictModel):
    """Metadata that the candidate must have."""

    required: tuple[str, ...] = Field(
        default=(), description="a list of keys of the bundle's metadata", examples=["required: [licence, owner]"]
    )


class GatePolicy(StrictModel):
    """A policy file."""

    version: int = Field(ge=1, le=1, strict=True, description="1", examples=["version: 1"])
    environments: Selection | None = Field(
        default=None,
        description="a mapping with groups or names of environments, at least one; null for the group ci if the matrix "
        "file has it, else for every environment that is not expected to be refused",
        examples=["environments: {groups: [ci]}"],
    )
    bounds: Tolerances = Field(
        default=Tolerances(),
        description="a mapping, as policy in a matrix file",
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
        """Return the sha256 of its values, defaults included: comments and the order of keys do not matter."""
        return sha256(strict_json.canonical(self.model_dump(mode="json")))

    def rows(self, matrix: Matrix, *, source: str) -> tuple[Environment, ...]:
        """Return the selected environments of `matrix`, in its order.

        Raises ConfigError, with a place in `source`, if the matrix does not have them.
        """
        if self.environments is None:
            return matrix.select_or_default()
        try:
            return matrix.select(groups=self.environments.groups, names=self.environments.names)
        except ConfigError as error:
            raise ConfigError(
                error.message, place=f"{source}: environments", wanted=error.wanted, found=error.found, fix=error.fix
            ) from None


def read_policy(path: Path = DEFAULT) -> GatePolicy:
    """Read the policy file at `path`.

    Raises ConfigError for the first fault, with the place "NAME: path.to.the.fault".
    """
    return validated(GatePolicy, strict_yaml.read(path), source=path.name)
