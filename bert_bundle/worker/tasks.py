"""What a worker does when asked: facts of its environment, a bundle replayed, generated or trained. Judges nothing."""

import gc
import os
import time
from typing import Any, Callable, Dict, Mapping, Sequence

from bert_bundle.format.open_bundle import open_bundle
from bert_bundle.keras_models.runtime import AUTO

Progress = Callable[[str], None]


def replay(*, bundle: str, runtime: str = AUTO, progress: Progress) -> Dict[str, Any]:
    """The golden of `bundle` replayed here, in that runtime: what `numerics.judge` takes."""
    from bert_bundle.loading.replay import observe

    return observe(open_bundle(bundle), runtime, progress)


def check(*, bundle: str, runtime: str = AUTO, progress: Progress) -> Dict[str, Any]:
    """Every file of `bundle` read and checked as `replay` does it, and nothing built: the reader's refusal, or none."""
    from bert_bundle.loading.replay import read_for_replay

    read_for_replay(open_bundle(bundle), runtime)
    return {}


def load(*, bundle: str, runtime: str = AUTO, progress: Progress) -> Dict[str, Any]:
    """`bundle` brought to life here, as `bert_bundle.load` does it: how many seconds that took."""
    from bert_bundle.loading.load import load as live

    gc.collect()  # a model is full of cycles: the one before is not to be paid for by this one
    started = time.perf_counter()
    live(open_bundle(bundle), runtime)
    return {"seconds": time.perf_counter() - started}


def prove(
    *,
    bundle: str,
    files: Mapping[str, str],
    runtime: str,
    classes: Mapping[str, str],
    path: Sequence[str],
    progress: Progress,
) -> Dict[str, Any]:
    """`replay` for the process that saves: its own classes are imported from where it has them (see `proof`)."""
    from bert_bundle.loading.replay import observe
    from bert_bundle.saving.proof import imported, staged_bundle

    return observe(staged_bundle(bundle, files), runtime, progress, imported(classes, path))


def predict(
    *,
    bundle: str,
    files: Mapping[str, str],
    runtime: str,
    classes: Mapping[str, str],
    path: Sequence[str],
    progress: Progress,
) -> Dict[str, Any]:
    """Of `prove`, the predictions in the model's own precision alone, for the recorded token ids."""
    from bert_bundle.loading.replay import native_predictions
    from bert_bundle.saving.proof import imported, staged_bundle

    return native_predictions(staged_bundle(bundle, files), runtime, imported(classes, path))


def generate(*, specification: Dict[str, Any], target: str, runtime: str = AUTO, progress: Progress) -> Dict[str, Any]:
    """The classifier of a specification, built here and saved to `target`, unproven: every reader proves it."""
    from bert_bundle.api import save
    from bert_bundle.classifiers import catalogue
    from bert_bundle.classifiers import specification as classifiers

    build = catalogue.build if "catalogue" in specification else classifiers.build
    made = build(specification, runtime=runtime)
    progress("saving {}".format(os.path.basename(target)))
    manifest = save(made.model, target, tokenizer=made.tokenizer, labels=made.labels, examples=made.examples or None,
                    max_length=made.max_length, prove=False, overwrite=True)  # fmt: skip
    return {"digest": manifest.digest}


def train(*, recipe: Dict[str, Any], target: str, progress: Progress) -> Dict[str, Any]:
    """The demo's classifier trained here by `recipe`, saved to `target` and proven."""
    from bert_bundle.demo.train import train_and_save

    return train_and_save(recipe, target, progress)
