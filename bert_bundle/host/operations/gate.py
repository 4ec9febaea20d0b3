"""The gate of a release: which policy decides, in which environments, and where the decision is written."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bert_bundle.host.config.gate_policy import DEFAULT, read_policy
from bert_bundle.host.environments.existing import existing_environments
from bert_bundle.host.environments.nearest import nearest, written_by
from bert_bundle.host.environments.prepare import opened
from bert_bundle.host.gate import decision_file
from bert_bundle.host.gate import gate as gates
from bert_bundle.host.operations.chosen_environments import environments_of, rows_of
from bert_bundle.host.operations.records import contents
from bert_bundle.host.operations.setup import Setup
from bert_bundle.host.report import wording
from bert_bundle.host.report.documents import gate as documents


@dataclass(frozen=True, kw_only=True, repr=False)
class Gate(gates.Gate):
    """Whether a release may ship: `decision`, one `Check` for each check, and the `changes` of labels."""

    def __repr__(self) -> str:
        return f"Gate({wording.decision(self.decision)})"

    @property
    def ok(self) -> bool:
        """Return whether the release ships."""
        return self.decision == "ships"

    def to_json(self) -> dict[str, Any]:
        """Return docs/schema/gate.json, what `bert-bundle gate --json` prints and the decision file contains."""
        return documents.gate(self)


def gate(
    setup: Setup,
    candidate: Path,
    *,
    baseline: Path | None = None,
    policy: Path | None = None,
    out: Path | None = None,
    interpreters: Sequence[Path] = (),
) -> Gate:
    """Run every check of the policy, by default that of `--print-policy`; write the decision to `out`, if given.

    The release is replayed in the policy's environments and in those of `interpreters`, which are there already. A
    decision that is there before is removed first. Raises ConfigError for a policy that is malformed or a baseline
    that cannot be compared, BundleError for a bundle that is refused, StorageError for `out`.
    """
    if out is not None:
        decision_file.clear(out)
    source = policy or DEFAULT
    wanted = read_policy(source)
    rows = wanted.rows(setup.matrix, source=source.name)
    release = gates.read_checked_bundle(candidate)
    deployed = None if baseline is None else gates.read_checked_bundle(baseline)
    gates.check_comparable(release, deployed, wanted)
    there = existing_environments(interpreters)
    packages, _ = written_by(release.manifest)
    near = nearest(setup.matrix.loading, packages)
    needed = [*rows, *([] if near in rows else [near])]
    places = environments_of(setup, rows_of(setup, needed))
    environments = dict(zip((row.id for row in needed), places, strict=True))
    with opened(environments[near.id], setup.progress) as ready:
        decided = gates.gate(
            release,
            deployed,
            wanted,
            nearest=ready,
            environments=[*(ready if row.id == near.id else environments[row.id] for row in rows), *there],
            executor=setup.executor,
            progress=setup.progress,
            options=replace(setup.run_options, tolerances=wanted.bounds),
        )
    found = Gate(**contents(decided))
    if out is not None:
        decision_file.write(out, found.to_json())
    return found
