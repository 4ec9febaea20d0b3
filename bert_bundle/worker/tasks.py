"""The tasks of a worker: replay, check, load, generate, train or rescue a bundle. They return facts, not verdicts."""

import gc
import os
import time
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Sequence

from bert_bundle.format.open_bundle import open_bundle
from bert_bundle.keras_models.runtime import AUTO
from bert_bundle.progress import Progress


def replay(*, bundle: str, runtime: str = AUTO, progress: Progress) -> Dict[str, Any]:
    """Replay the golden of `bundle` in `runtime` and return the observation that `grades.judge` takes."""
    from bert_bundle.loading.replay import observe

    return observe(open_bundle(bundle), runtime, progress)


def check(*, bundle: str, runtime: str = AUTO, progress: Progress) -> Dict[str, Any]:
    """Read and check every file of `bundle` without building the model. Raises what `replay` raises for its files."""
    from bert_bundle.loading.replay import read_for_replay

    read_for_replay(open_bundle(bundle), runtime)
    return {}


def load(*, bundle: str, runtime: str = AUTO, progress: Progress) -> Dict[str, Any]:
    """Load `bundle` as `bert_bundle.load` does and return how many seconds that took."""
    from bert_bundle.loading.load import load as live

    gc.collect()  # models hold reference cycles: collect the previous one outside the measured time
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
    """Replay `bundle` for the process that saves it; `classes` are imported as `saving.proof` describes."""
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
    """Return the predictions in the model's own precision for the recorded token ids; otherwise as `prove`."""
    from bert_bundle.loading.replay import native_predictions
    from bert_bundle.saving.proof import imported, staged_bundle

    return native_predictions(staged_bundle(bundle, files), runtime, imported(classes, path))


def generate(*, specification: Dict[str, Any], target: str, runtime: str = AUTO, progress: Progress) -> Dict[str, Any]:
    """Build the classifier of a specification and save it to `target`, without a proof: every reader replays it."""
    from bert_bundle.api import save
    from bert_bundle.classifiers import catalogue
    from bert_bundle.classifiers.specification import build

    built = (catalogue.build if "catalogue" in specification else build)(specification, runtime=runtime)
    progress("saving {}".format(os.path.basename(target)))
    manifest = save(
        built.model,
        target,
        tokenizer=built.tokenizer,
        labels=built.labels,
        examples=built.examples or None,
        max_length=built.max_length,
        prove=False,
        overwrite=True,
        **built.options,
    )
    return {"digest": manifest.digest}


def train(*, recipe: Dict[str, Any], target: str, overwrite: bool = False, progress: Progress) -> Dict[str, Any]:
    """Train the demo's classifier by `recipe`, save it to `target` and prove it."""
    from bert_bundle.demo.train import train_and_save

    return train_and_save(recipe, target, progress, overwrite=overwrite)


def rescue(
    *,
    source: str,
    stored: str,
    target: str,
    tokenizer: Optional[str],
    config: Optional[str],
    labels: Optional[Sequence[str]],
    reference: Optional[str],
    max_length: Optional[int],
    inputs: Optional[Mapping[str, str]],
    overwrite: bool,
    build: Optional[str],
    path: Sequence[str],
    progress: Progress,
) -> Dict[str, Any]:
    """Make a bundle of a stored model. `stored`: the folder of its record, empty for a SavedModel, which is read here.

    `reference`: a file, as of `rescuing.reference`. `build`: `MODULE:FUNCTION`, imported from the folders of `path`.
    """
    from bert_bundle.api import rescue as rescued
    from bert_bundle.keras_files import stored_model
    from bert_bundle.rescuing import reference as references
    from bert_bundle.rescuing import user_model

    progress("rescuing {}".format(os.path.basename(source)))
    found = rescued(
        stored_model.read(Path(stored)) if stored else source,
        target,
        tokenizer=tokenizer,
        config=config,
        labels=labels,
        reference=references.read(Path(reference)) if reference else None,
        max_length=max_length,
        inputs=inputs,
        overwrite=overwrite,
        build=user_model.imported(build, path) if build else None,
        progress=lambda step: progress(str(step)),
    )
    return {"digest": found.manifest.digest, **found.to_json()}
