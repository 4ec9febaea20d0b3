"""The diagnosis of environments, by the versions of their packages."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bert_bundle.host.environments.doctor import Diagnosis, diagnose_interpreter, diagnose_row
from bert_bundle.host.operations.records import plain_document
from bert_bundle.host.operations.setup import Setup
from bert_bundle.host.report.documents import environments as documents


@dataclass(frozen=True, kw_only=True, repr=False)
class Diagnoses:
    """The known breakages of several environments: one `Diagnosis` for each."""

    environments: tuple[Diagnosis, ...]

    def __repr__(self) -> str:
        broken = sum(not diagnosis.as_expected for diagnosis in self.environments)
        return f"Diagnoses({len(self.environments)} environments, {broken} not as expected)"

    @property
    def ok(self) -> bool:
        """Return whether each environment works, or is expected not to."""
        return all(diagnosis.as_expected for diagnosis in self.environments)

    def to_json(self) -> dict[str, Any]:
        """Return docs/schema/doctor.json, what `bert-bundle doctor --json` prints."""
        return plain_document(documents.doctor(self.environments))


def doctor(setup: Setup, *, names: Sequence[str] = (), groups: Sequence[str] = ()) -> Diagnoses:
    """Diagnose the rows of the matrix that are selected, by their locks; without a selection this interpreter.

    Raises ConfigError for a selection that means nothing, and for a lock that is missing or stale.
    """
    if not names and not groups:
        return Diagnoses(environments=(diagnose_interpreter(),))
    rows = setup.matrix.select(groups=groups, names=names)
    return Diagnoses(environments=tuple(diagnose_row(row, setup.locks, setup.matrix.expect) for row in rows))
