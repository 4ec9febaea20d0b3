"""The public functions save, load, verify, inspect and rescue: each composes the rooms below it.

save    draft (capture, checks, golden) -> stage the files -> prove in fresh processes -> stage the last two -> publish
load    open (listing, manifest) -> every digest -> graph, configurations -> the installed Keras -> tensors -> build
rescue  read a file of Keras -> parts -> build -> compare with the original -> save

Layer 11 of the core.
"""

import os
import pathlib
from dataclasses import dataclass
from typing import Any, Callable, Dict, Mapping, Optional, Tuple, Union

from bert_bundle.card.card import card
from bert_bundle.format import layout
from bert_bundle.format.manifest import Manifest
from bert_bundle.format.open_bundle import OpenedBundle, check_files, open_bundle
from bert_bundle.format.staging import Staging, check_target
from bert_bundle.grading import differences, grades
from bert_bundle.graph import custom_classes
from bert_bundle.hub.download import located
from bert_bundle.interpreter.known_breakages import AUTO, AskedRuntime
from bert_bundle.keras_files.read import read as read_stored
from bert_bundle.keras_files.stored_model import StoredModel
from bert_bundle.keras_models import runtime as keras_runtime
from bert_bundle.loading import load as loading
from bert_bundle.loading import replay
from bert_bundle.loading.loaded_bundle import Bundle
from bert_bundle.rescuing import sources, user_model
from bert_bundle.rescuing import witness as witnesses
from bert_bundle.rescuing.location import model_at
from bert_bundle.rescuing.model_parts import Rescued, parts_of
from bert_bundle.saving import proof, save_steps
from bert_bundle.saving.draft import draft
from bert_bundle.saving.label_names import Labels
from bert_bundle.saving.save_steps import SaveProgress
from bert_bundle.saving.tasks import Asked

Path = Union[str, "os.PathLike[str]"]


@dataclass(frozen=True)
class Verification:
    """The result of `verify`: the figures of the replay, and whether the predictions are those that were saved."""

    path: str
    figures: grades.Figures
    examples: int

    @property
    def ok(self) -> bool:
        """Return whether the grade is `bitwise` or `identical`."""
        return self.figures.grade in grades.SAME


def save(
    model: Any,
    path: Path,
    *,
    tokenizer: Any,
    labels: Labels = None,
    examples: Optional[Mapping[str, Any]] = None,
    max_length: Union[int, Mapping[str, int], None] = None,
    prove: bool = True,
    overwrite: bool = False,
    custom_objects: Optional[Mapping[str, Any]] = None,
    metadata: Optional[Mapping[str, Any]] = None,
    task: Asked = None,
    inputs: Optional[Mapping[str, Any]] = None,
    padding: Optional[str] = None,
    progress: SaveProgress = None,
) -> Manifest:
    """Save a Keras classifier built on a BERT as a bundle, and prove that it predicts the same when loaded again.

    model       functional or Sequential, with at least one encoder; left unchanged
    tokenizer   the encoder's own
    labels      names of the classes, in the order of the head's outputs; or {output name: names}
    examples    {"text": [...], input name: rows, "label": true labels}; recorded with their predictions. Without them
                probes are made: padding, truncation, empty text, accents, CJK, emoji. With "predictions", what your
                own pipeline predicts for these texts, or "inputs", the arrays that it feeds, the bundle must predict
                the same
    max_length  tokens that a text is cut to; by default the length of the inputs, or the encoder's maximum. A model
                that reads several texts also takes {text: tokens}, by their names in the signature
    prove       load the staged bundle in two fresh processes, one with pinned threads and kernels and one with the
                defaults that users have; compare their predictions with the model's, and measure the noise
    overwrite   replace an existing bundle; a folder that is not a bundle is never replaced
    custom_objects  {name: class}: layers of exactly that class are kept by name and `get_config()` instead of being
                traced; every load must be given the class. No code is stored
    metadata    your own fields, plain data
    task        what a label is: "classes", "multilabel", "binary", "tokens", "spans" or "regression", for the model or
                as {output name: task}; by default read from the model
    inputs      {input name: role}: what an input is fed with ("input_ids", "attention_mask", "token_type_ids" or
                "feature"), where its name and its place in the graph disagree, or the graph does not tell. The role may
                be (role, text) where the graph does not tell which of several texts either
    padding     what texts are padded to, if the inputs leave their length open: "max_length", or "longest", the longest
                of a call. By default "longest" where padding moves no prediction, else it must be given, or max_length
    progress    True: a line on standard error for each step, with its seconds; False: none; None: lines where standard
                error is a terminal, and in a notebook. A function is called with each `SaveStep` that begins or has
                ended, in this thread; what it raises ends the save

    Raises ModelError, TokenizerError or SignatureError for what does not fit, ProofError when the proof fails,
    ConflictError, LockedError or StorageError for the target. After any error the target is as before.
    """
    classes = custom_classes.checked_classes(custom_objects)
    check_target(os.path.abspath(os.fspath(path)), overwrite=overwrite)
    name = _name(path)
    steps = save_steps.steps_of(name, progress)
    drafted = draft(
        model,
        tokenizer,
        labels,
        examples,
        max_length,
        metadata or {},
        classes,
        task,
        inputs=inputs,
        asked_padding=padding,
        steps=steps,
    )
    needed = {name: classes[name] for name in drafted.fields["custom_objects"]}
    references = proof.references(needed) if prove else {}
    steps.begin(save_steps.STAGING)
    with Staging(os.fspath(path), overwrite=overwrite) as staging:
        for file, data in sorted(drafted.files.items()):
            staging.write(file, data)
        steps.end(save_steps.STAGING)
        golden = drafted.golden
        if prove:
            _, provisional = drafted.last_files(golden, staging.files, proven=True)
            runtime = drafted.fields["runtime"]
            measured = proof.prove(staging.path, provisional, golden, runtime, references, steps)
            golden = differences.with_measured_noise(golden, measured)
        steps.begin(save_steps.PUBLISHING)
        manifest, last = drafted.last_files(golden, staging.files, proven=prove)
        for file, data in last.items():
            staging.write(file, data)
        staging.write(layout.CARD, card(name, manifest, golden))
        staging.publish()
    steps.end(save_steps.PUBLISHING)
    return manifest


def load(path: Path, runtime: AskedRuntime = AUTO, custom_objects: Optional[Mapping[str, Any]] = None) -> Bundle:
    """Load the bundle at `path`: `.model`, `.tokenizer`, `.predict(texts)`.

    path        its folder, or an address of the Hub: "hf://OWNER/NAME@REVISION" (docs/travel.md)
    runtime     "transformers": Keras 2 and the TensorFlow classes of transformers 4; "native": Keras 3 on any backend
                and the encoder layers of bert_bundle; "auto": the first if it is installed, else the second
    custom_objects  {name: class} of the layers that were kept with `save(custom_objects=...)`; classes that the bundle
                does not need are ignored

    Nothing is built, and tensorflow is not imported, before every file is verified. Raises FormatError,
    IntegrityError, UnsafeError, VersionError or LimitError for a bundle that is refused, RuntimeUnavailableError when
    the installed packages cannot load it or a class is missing, ModelError for a class that does not make its layer;
    for an address HubError, or ConfigError without huggingface_hub.
    """
    return loading.load(_opened(path), runtime, custom_classes.checked_classes(custom_objects))


def verify(
    path: Path, runtime: AskedRuntime = AUTO, custom_objects: Optional[Mapping[str, Any]] = None
) -> Verification:
    """Replay the golden in this process; return grade and figures. `runtime`, `custom_objects`, errors as of `load`.

    Thread counts and kernels are those of this process; a worker pins them (see docs/grades.md).
    """
    bundle = _opened(path)
    classes = custom_classes.checked_classes(custom_objects)
    inputs = replay.read_for_replay(bundle, runtime, classes)
    observation = replay.replay(inputs, runtime, lambda _: None, classes)
    return Verification(os.fspath(path), grades.judge(inputs.golden, observation), inputs.golden.examples)


def inspect(path: Path) -> Manifest:
    """Return the manifest of a bundle after verifying all its files. Needs no tensorflow. Raises like `load`."""
    bundle = _opened(path)
    check_files(bundle)
    return bundle.manifest


def _opened(path: Path) -> OpenedBundle:
    return open_bundle(located(path))


@dataclass(frozen=True)
class Rescue:
    """The result of `rescue`: the bundle's manifest, what was found in the file, and what the model was compared with.

    `witness` is None where the file does not tell what the original predicted, and no reference was given.
    """

    manifest: Manifest
    findings: Tuple[str, ...]
    witness: Optional[witnesses.Witness]

    def to_json(self) -> Dict[str, Any]:
        """Return findings and witness as plain data."""
        return {"findings": list(self.findings), "witness": self.witness.to_json() if self.witness else None}


def rescue(
    source: Union[Path, StoredModel],
    path: Path,
    *,
    tokenizer: Any = None,
    config: Optional[Path] = None,
    labels: Labels = None,
    reference: Optional[Mapping[str, Any]] = None,
    runtime: AskedRuntime = AUTO,
    max_length: Union[int, Mapping[str, int], None] = None,
    prove: bool = True,
    overwrite: bool = False,
    metadata: Optional[Mapping[str, Any]] = None,
    task: Asked = None,
    inputs: Optional[Mapping[str, Any]] = None,
    padding: Optional[str] = None,
    build: Optional[Callable[[], Any]] = None,
    progress: SaveProgress = None,
) -> Rescue:
    """Make a bundle of what Keras 2, TensorFlow or transformers wrote, whatever its kind (docs/rescue.md).

    source      the file or folder, a checkpoint's prefix, or a folder with one of these in it. Nothing in it is
                executed, and Keras' own loaders are not used
    tokenizer   the encoder's own, or the folder that `save_pretrained` wrote it to; by default that of the only
                folder that has one: `config`, or else `source` and the folders beside it
    config      the folder of the encoder's config.json, for a file that does not hold the configuration
    labels      as of `save`; by default those of the encoder's configuration
    reference   {input name: array, "predictions": array}: figures that you noted of the original
    build       for weights alone, or a file whose model is refused: returns the Keras model, built as it was when it
                was saved
    runtime     as of `load`; all others as of `save`; `progress` is also told of "reading the old model", "building
                the model" and "comparing with the original"

    Raises FormatError, IntegrityError, LimitError or UnsafeError for a file that is refused, ModelError for a model
    that a bundle cannot represent, ProofError if the rescued model does not predict what the original predicts;
    and what `save` raises. Where nothing tells what it predicted, the bundle's metadata and the result do.
    """
    check_target(os.path.abspath(os.fspath(path)), overwrite=overwrite)
    steps = save_steps.steps_of(_name(path), progress)
    steps.begin(save_steps.READING)
    stored = source if isinstance(source, StoredModel) else read_stored(model_at(pathlib.Path(os.fspath(source))))
    found = sources.Sources(stored, config, tokenizer)
    bound = keras_runtime.bind(runtime)
    steps.then(save_steps.READING, save_steps.BUILDING)
    read: Union[Rescued, user_model.Built]
    if build is not None:
        read = user_model.built(stored, build, bound)
        model = read.model
    else:
        read = parts_of(stored, found.encoder_config)
        model = None
    own_tokenizer = found.tokenizer(read.parts.configs, bound.name)
    model = read.parts.build(bound).model if model is None else model
    steps.then(save_steps.BUILDING, save_steps.COMPARING)
    witness = None
    if reference is not None:
        witness = witnesses.of_reference(reference, read.parts, model, bound)
    elif stored.serving is not None:
        witness = witnesses.of_serving(stored, read.parts, model, bound)
    if witness is not None:
        witness.check(stored.source)
    steps.end(save_steps.COMPARING)
    origin = sources.record(stored, read.findings, witness.to_json() if witness else None)
    manifest = save(
        model,
        path,
        tokenizer=own_tokenizer,
        labels=labels,
        max_length=max_length,
        prove=prove,
        overwrite=overwrite,
        metadata={**(metadata or {}), "rescue": origin},
        task=task,
        inputs=inputs,
        padding=padding,
        progress=progress,
    )
    return Rescue(manifest, read.findings, witness)


def _name(path: Path) -> str:
    """Return the name of a bundle: that of its folder."""
    return os.path.basename(os.path.abspath(os.fspath(path)))
