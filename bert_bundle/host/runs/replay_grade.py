"""What a bundle recorded, and the grade of a replay of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bert_bundle.format.golden import Golden, from_bundle, replay_key
from bert_bundle.format.open_bundle import check_files, open_bundle
from bert_bundle.grading.grades import Figures, judge
from bert_bundle.host.config.matrix_file import Tolerances


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """What a replay is compared with.

    digest      identifies the bundle
    replay_key  digest of what a replay computes from: bundles that share it share their replay
    """

    digest: str
    golden: Golden
    replay_key: str


def recorded(bundle: Path) -> Recorded:
    """Return what `bundle` recorded. Raises BundleError when it is damaged."""
    opened = open_bundle(str(bundle))
    check_files(opened)
    golden = from_bundle(opened)
    return Recorded(digest=opened.manifest.digest, golden=golden, replay_key=replay_key(opened, golden))


def grade_replay(against: Recorded, observation: Mapping[str, object], tolerances: Tolerances) -> Figures:
    """Grade the answer of a worker's `replay` task."""
    return judge(against.golden, observation, float64_tolerance=tolerances.double, noise_tolerance=tolerances.noise)
