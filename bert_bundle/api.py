"""Save, load, verify, inspect: composes what lies below.

save    draft (capture, checks, golden) -> stage every file -> prove in a fresh process -> publish
load    open (listing, manifest) -> every digest -> graph, configurations -> the installed Keras -> tensors -> build
"""

import os
from dataclasses import dataclass
from typing import Any, Mapping, Optional, Sequence, Union

from bert_bundle.format import golden as goldens
from bert_bundle.format import layout
from bert_bundle.format.manifest import Manifest
from bert_bundle.format.open_bundle import check_files, open_bundle
from bert_bundle.format.staging import Staging, check_target
from bert_bundle.grading import differences, grades
from bert_bundle.graph import custom_classes
from bert_bundle.keras_models.runtime import AUTO
from bert_bundle.loading import load as loading
from bert_bundle.loading import replay
from bert_bundle.loading.loaded_bundle import Bundle
from bert_bundle.saving import proof
from bert_bundle.saving.draft import draft

Path = Union[str, "os.PathLike[str]"]


@dataclass(frozen=True)
class Verification:
    """What `verify` saw: the figures of the replay, and whether the predictions are those that were saved."""

    path: str
    figures: grades.Figures
    examples: int

    @property
    def ok(self) -> bool:
        """Whether the grade is `bitwise` or `identical`."""
        return self.figures.grade in grades.SAME


def save(
    model: Any,
    path: Path,
    *,
    tokenizer: Any,
    labels: Optional[Sequence[str]] = None,
    examples: Optional[Mapping[str, Any]] = None,
    max_length: Optional[int] = None,
    prove: bool = True,
    overwrite: bool = False,
    custom_objects: Optional[Mapping[str, Any]] = None,
    metadata: Optional[Mapping[str, Any]] = None,
) -> Manifest:
    """Saves a Keras classifier built on a BERT as a bundle, and proves that it predicts the same when loaded again.

    model       functional or Sequential, with at least one encoder; left as it is
    tokenizer   the encoder's own
    labels      names of the classes, in the order of the head's outputs
    examples    {"text": [...], input name: rows, "label": true labels}; recorded with their predictions. Without them
                probes are made: padding, truncation, empty text, accents, CJK, emoji
    max_length  tokens that a text is cut and padded to; by default what the inputs fix, or the encoder's most
    prove       load the staged bundle in two fresh processes, one held still and one as users run it; hold what they
                predict against the model's predictions, and measure by it how far noise moves them
    overwrite   replace a bundle that is there; a folder that is no bundle is never replaced
    custom_objects  {name: class}: layers of exactly that class are kept by name and `get_config()`, not traced; whoever
                loads must pass the class. No code is stored
    metadata    your own fields, plain data

    Raises ModelError, TokenizerError or SignatureError for what does not fit, ProofError when the proof fails,
    ConflictError, LockedError or StorageError for the target; whichever it is, the target is as before.
    """
    classes = custom_classes.checked_classes(custom_objects)
    check_target(os.path.abspath(os.fspath(path)), overwrite=overwrite)
    name = os.path.basename(os.path.abspath(os.fspath(path)))
    made = draft(model, name, tokenizer, tuple(labels or ()), examples, max_length, metadata or {}, classes)
    needed = {name: classes[name] for name in made.fields["custom_objects"]}
    references = proof.references(needed) if prove else {}
    with Staging(os.fspath(path), overwrite=overwrite) as staging:
        for file, data in sorted(made.files.items()):
            staging.write(file, data)
        manifest = Manifest(files=staging.files, proof={"proven": prove}, **made.fields)
        staging.write(layout.MANIFEST, manifest.to_bytes())
        if prove:
            golden = differences.with_measured_noise(
                made.golden, proof.prove(staging.path, made.golden, manifest.runtime, references)
            )
            for file in (layout.GOLDEN_FACTS, layout.MANIFEST):
                staging.remove(file)
            staging.write(layout.GOLDEN_FACTS, goldens.to_files(golden)[layout.GOLDEN_FACTS])
            manifest = Manifest(files=staging.files, proof={"proven": prove}, **made.fields)
            staging.write(layout.MANIFEST, manifest.to_bytes())
        staging.publish()
    return manifest


def load(path: Path, runtime: str = AUTO, custom_objects: Optional[Mapping[str, Any]] = None) -> Bundle:
    """The bundle at `path`, live: `.model`, `.tokenizer`, `.predict(texts)`.

    runtime     "transformers": Keras 2 and the TensorFlow classes of transformers 4; "native": Keras 3 on any backend
                and encoder layers of our own; "auto": the first where it is installed, else the second
    custom_objects  {name: class} of the layers that were kept with `save(custom_objects=...)`; what the bundle does not
                need is not looked at

    Nothing is built, and tensorflow is not imported, before every file is proven whole. Raises FormatError,
    IntegrityError, UnsafeError, VersionError or LimitError for a bundle that is refused, RuntimeUnavailableError when
    the installed packages cannot load it or a class is missing, ModelError for a class that does not make its layer.
    """
    return loading.load(open_bundle(os.fspath(path)), runtime, custom_classes.checked_classes(custom_objects))


def verify(path: Path, runtime: str = AUTO, custom_objects: Optional[Mapping[str, Any]] = None) -> Verification:
    """Replays the golden in this process: grade and figures. `runtime`, `custom_objects` and errors as of `load`.

    Thread counts and kernels of this process are what they are; a worker pins them (see docs/grades.md).
    """
    bundle = open_bundle(os.fspath(path))
    golden = goldens.from_bundle(bundle)
    figures = grades.judge(
        golden, replay.observe(bundle, runtime, lambda _: None, custom_classes.checked_classes(custom_objects))
    )
    return Verification(os.fspath(path), figures, golden.examples)


def inspect(path: Path) -> Manifest:
    """The manifest of a bundle all of whose files are what was written. Needs no tensorflow. Raises like `load`."""
    bundle = open_bundle(os.fspath(path))
    check_files(bundle)
    return bundle.manifest
