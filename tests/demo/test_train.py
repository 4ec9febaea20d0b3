"""The demo's training, in a real worker: the same bundle from the same texts and seed."""

from pathlib import Path

import pytest
from support.demo_recipes import smaller

from bert_bundle.host.demo.recipe import recipe
from bert_bundle.host.workers.worker import Worker
from bert_bundle.progress import silent


def trained(writer: Worker, target: Path, seed: int) -> str:
    """Return the digest of a bundle of a few texts and one epoch: what makes it is what makes the demo's."""
    todo = {**smaller(recipe("tiny", silent), train=64, held_out=8, epochs=1), "seed": seed}
    return str(writer.ask("train", recipe=todo, target=str(target / "bundle"))["digest"])


@pytest.mark.environments  # three trainings and six proofs: half a minute
def test_a_training_repeats_to_the_bit_and_another_seed_is_another_one(writer: Worker, tmp_path: Path) -> None:
    first, again, other = (trained(writer, tmp_path / str(i), seed) for i, seed in enumerate((1, 1, 2)))
    assert first == again
    assert first != other
