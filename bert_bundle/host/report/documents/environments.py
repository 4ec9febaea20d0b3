"""Documents of the commands about environments: matrix list, matrix lock, doctor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bert_bundle.host.config.matrix_file import Environment
    from bert_bundle.host.environments.doctor import Diagnosis
    from bert_bundle.host.environments.locks import Lock
    from bert_bundle.host.report.results import CacheContent, FirstMatrix


def environments(rows: Sequence[tuple[Environment, bool]]) -> dict[str, object]:
    """Return docs/schema/environments.json: the rows of a matrix, each with whether it is locked."""
    return {"environments": [{**row.model_dump(mode="json"), "locked": locked} for row, locked in rows]}


def first_matrix(found: FirstMatrix) -> dict[str, object]:
    """Return docs/schema/init.json."""
    rows = [{"id": row.id, "lock": row.lock or f"locks/{row.id}.txt"} for row in found.environments]
    return {"matrix": found.matrix, "environments": rows, "files": found.files, "left_out": found.left_out}


def cache(found: CacheContent) -> dict[str, object]:
    """Return docs/schema/cache.json."""
    entries = [{**asdict(entry), "last_used": entry.last_used.isoformat(timespec="seconds")} for entry in found.entries]
    return {"root": found.root, "size": found.size, "removed": found.removed, "entries": entries}


def locks(written: Sequence[tuple[Environment, Lock]]) -> dict[str, object]:
    """Return docs/schema/locks.json."""
    return {
        "locks": [
            {"id": row.id, "path": lock.path, "digest": lock.digest, "packages": len(lock.pins)}
            for row, lock in written
        ]
    }


def doctor(found: Sequence[Diagnosis]) -> dict[str, object]:
    """Return docs/schema/doctor.json."""
    return {"environments": [{**asdict(diagnosis), "as_expected": diagnosis.as_expected} for diagnosis in found]}
