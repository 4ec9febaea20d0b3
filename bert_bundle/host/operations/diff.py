"""The comparison of two bundles."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bert_bundle.errors import printable
from bert_bundle.host import diff as differences
from bert_bundle.host.operations.records import contents, plain_document
from bert_bundle.host.report.documents import bundles as documents


@dataclass(frozen=True, kw_only=True, repr=False)
class Comparison(differences.Comparison):
    """The differences between two bundles: in `changes` one `Difference` for each, and `same` if there is none."""

    def __repr__(self) -> str:
        names = printable(f"{self.a.name}, {self.b.name}")
        return f"Comparison({names}: {len(self.changes)} differences, {self.labels_changed} labels changed)"

    def to_json(self) -> dict[str, Any]:
        """Return docs/schema/diff.json, what `bert-bundle diff --json` prints."""
        return plain_document(documents.comparison(self))


def diff(a: Path, b: Path) -> Comparison:
    """Read and check both bundles, and compare them. Raises BundleError for one that is damaged or refused."""
    return Comparison(**contents(differences.compare(a, b)))
