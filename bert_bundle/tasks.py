"""What a worker does when asked: facts of its environment, a bundle replayed, generated or trained. Judges nothing."""

import gc
import os
import platform
import time
from typing import Any, Callable, Dict, Mapping, Sequence

from .draft import facts_of_writer
from .format.proven import open_bundle
from .model.keras import AUTO

Progress = Callable[[str], None]


def facts(*, progress: Progress) -> Dict[str, Any]:
    """Python, packages and the class of CPU, from metadata alone."""
    writer = facts_of_writer()
    return {"python": writer["python"], "packages": writer["packages"], "cpu": _cpu()}


def replay(*, bundle: str, runtime: str = AUTO, progress: Progress) -> Dict[str, Any]:
    """The golden of `bundle` replayed here, in that runtime: what `numerics.judge` takes."""
    from .replay import observe

    return observe(open_bundle(bundle), runtime, progress)


def peruse(*, bundle: str, runtime: str = AUTO, progress: Progress) -> Dict[str, Any]:
    """Every file of `bundle` read and checked as `replay` does it, and nothing built: the reader's refusal, or none."""
    from .replay import peruse

    peruse(open_bundle(bundle), runtime)
    return {}


def load(*, bundle: str, runtime: str = AUTO, progress: Progress) -> Dict[str, Any]:
    """`bundle` brought to life here, as `bert_bundle.load` does it: how many seconds that took."""
    from .replay import load as live

    gc.collect()  # a model is full of cycles: the one before is not to be paid for by this one
    started = time.perf_counter()
    live(open_bundle(bundle), runtime)
    return {"seconds": time.perf_counter() - started}


def prove(
    *, bundle: str, runtime: str, classes: Mapping[str, str], path: Sequence[str], progress: Progress
) -> Dict[str, Any]:
    """`replay` for the process that saves: its own classes are imported from where it has them (see `proof`)."""
    from .proof import imported
    from .replay import observe

    return observe(open_bundle(bundle), runtime, progress, imported(classes, path))


def single(
    *, bundle: str, runtime: str, classes: Mapping[str, str], path: Sequence[str], progress: Progress
) -> Dict[str, Any]:
    """Of `prove`, the predictions in the model's own precision alone, for the recorded token ids."""
    from .proof import imported
    from .replay import single

    return single(open_bundle(bundle), runtime, imported(classes, path))


def hidden(*, bundle: str, progress: Progress) -> Dict[str, Any]:
    """Encoder name -> output -> values over the golden's token ids; hidden states (examples, max_length, hidden)."""
    from .replay import hidden_states

    return hidden_states(open_bundle(bundle))


def generate(*, specification: Dict[str, Any], target: str, runtime: str = AUTO, progress: Progress) -> Dict[str, Any]:
    """The classifier of a specification, built here and saved to `target`, unproven: every reader proves it."""
    from .bundle import save
    from .testing import catalogue, classifiers

    build = catalogue.build if "catalogue" in specification else classifiers.build
    made = build(specification, runtime=runtime)
    progress("saving {}".format(os.path.basename(target)))
    manifest = save(made.model, target, tokenizer=made.tokenizer, labels=made.labels, examples=made.examples or None,
                    max_length=made.max_length, prove=False, overwrite=True)  # fmt: skip
    return {"digest": manifest.digest}


def train(*, recipe: Dict[str, Any], target: str, progress: Progress) -> Dict[str, Any]:
    """The demo's classifier trained here by `recipe`, saved to `target` and proven."""
    from .demo.train import train_and_save

    return train_and_save(recipe, target, progress)


def _cpu() -> str:
    """The class of CPU: architecture and the vector instructions that choose TensorFlow's kernels."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            flags = next((line for line in file if line.startswith(("flags", "Features"))), "").split()
    except OSError:
        flags = []
    vector = [f for f in ("avx512_vnni", "avx512f", "avx2", "avx", "asimd") if f in flags]
    return " ".join([platform.machine(), *vector[:1]])
