"""What a stored model is and what a rescue of it needs, without building it."""

import math
import shlex
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Tuple

from bert_bundle.errors import BundleError, FormatError, ModelError, SignatureError, TokenizerError
from bert_bundle.keras_files.read import read
from bert_bundle.keras_files.stored_model import WEIGHTS_ALONE, StoredModel
from bert_bundle.rescuing.location import model_at
from bert_bundle.rescuing.model_parts import Rescued, parts_of
from bert_bundle.rescuing.sources import Sources

BUILD = "--build MODULE:FUNCTION"  # the option that gives the architecture of weights alone
CONFIG, TOKENIZER = "--config DIR", "--tokenizer DIR"
REFERENCE = "--reference FILE"


@dataclass(frozen=True)
class Description:
    """A stored model as its file tells it.

    path        the model's own file or folder; of a checkpoint its prefix
    kind        as of `StoredModel`
    versions    package -> version that wrote it, of those that the file names
    encoders    layer -> class, of those that the architecture names
    tensors     how many the model has, without those of its optimizer
    parameters  how many numbers they hold
    frozen      parts of encoders that were frozen; None where the file does not tell
    config      the folder with the encoder's config.json, if one is there
    tokenizer   the folder with the tokenizer, if one is there
    needs       options that a rescue cannot do without -> why
    proof       what the rescued model would be compared with; empty where that has to be given, by --reference
    findings    what was found while it was read
    refused     why a bundle cannot be made of it; empty if nothing is known against it
    command     what makes a bundle of it
    """

    path: str
    kind: str
    versions: Mapping[str, str]
    encoders: Mapping[str, str]
    tensors: int
    parameters: int
    frozen: Optional[Tuple[str, ...]]
    config: Optional[str]
    tokenizer: Optional[str]
    needs: Mapping[str, str]
    proof: str
    findings: Tuple[str, ...]
    refused: str
    command: str

    def to_json(self) -> Dict[str, Any]:
        """Return docs/schema/old_model.json."""
        frozen = None if self.frozen is None else list(self.frozen)
        return {**asdict(self), "findings": list(self.findings), "frozen": frozen}


def describe(path: Path) -> Description:
    """Return what is at `path`. Raises as `read` and `model_at` for what is not a stored model, or refused as one."""
    source = model_at(path)
    stored = read(source)
    sources = Sources(stored, None, None)
    needs: Dict[str, str] = {}
    config, tokenizer = _config(sources), _tokenizer(sources, needs)
    rescued, refused = _parts(stored, sources, needs)
    graph = rescued.parts.graph if rescued else None
    encoders = {layer.name: layer.class_name for _, layer in graph.walk() if layer.encoder} if graph else {}
    return Description(
        path=str(source),
        kind=stored.kind,
        versions=dict(stored.versions),
        encoders=encoders,
        tensors=len(stored.arrays),
        parameters=sum(math.prod(array.shape) for array in stored.arrays.values()),
        frozen=_frozen(stored, rescued),
        config=config,
        tokenizer=tokenizer,
        needs=needs,
        proof="the file's own serving function" if stored.serving is not None else "",
        findings=rescued.findings if rescued else (),
        refused=refused,
        command=_command(source, stored, needs),
    )


def _config(sources: Sources) -> Optional[str]:
    """Return the folder of the only configuration."""
    try:
        found = sources.encoder_config_folder()
    except SignatureError:
        return None
    return str(found) if found else None


def _tokenizer(sources: Sources, needs: Dict[str, str]) -> Optional[str]:
    try:
        return str(sources.tokenizer_folder())
    except (SignatureError, TokenizerError) as error:
        needs[TOKENIZER] = "{}: {}".format(error.message, error.found) if error.found else error.message
        return None


def _parts(stored: StoredModel, sources: Sources, needs: Dict[str, str]) -> Tuple[Optional[Rescued], str]:
    """Return the parts, or why there are none."""
    if stored.kind in WEIGHTS_ALONE:
        needs[BUILD] = "the file has weights alone: a function of yours has to build the model"
        return None, ""
    missing = False

    def config() -> Optional[Mapping[str, Any]]:
        nonlocal missing
        try:
            found = sources.encoder_config()
        except SignatureError as error:
            found, needs[CONFIG] = None, "{}: {}".format(error.message, error.found)
        missing = found is None
        return found

    try:
        return parts_of(stored, config), ""
    except (ModelError, FormatError) as error:
        if missing:
            needs.setdefault(CONFIG, error.message)
            return None, ""
        if isinstance(error, ModelError):
            needs[BUILD] = _reason(error)
            return None, ""
        return None, _reason(error)
    except BundleError as error:
        return None, _reason(error)


def _reason(error: BundleError) -> str:
    place = "{} @ {}".format(error.message, error.place) if error.place else error.message
    return "{}: {}".format(place, error.found) if error.found else place


def _frozen(stored: StoredModel, rescued: Optional[Rescued]) -> Optional[Tuple[str, ...]]:
    """Return the frozen parts of encoders, or of the whole model where only its metadata can be read."""
    if rescued is not None:
        if stored.flags is None and not stored.in_order:
            return None
        encoders = [layer for _, layer in rescued.parts.graph.walk() if layer.encoder]
        whole = [layer.name for layer in encoders if not layer.trainable]
        return (*whole, *("{}.{}".format(e.name, part) for e in encoders for part, flag in e.flags.items() if not flag))
    if stored.flags is None:
        return None
    frozen: List[str] = []
    for name, trainable in sorted(stored.flags.items()):
        if not trainable and not any(name.startswith(holder + "/") for holder in frozen):
            frozen.append(name)
    return tuple(frozen)


def _command(source: Path, stored: StoredModel, needs: Mapping[str, str]) -> str:
    """Return the command, with what has to be given in capitals."""
    reference = [] if stored.serving is not None else [REFERENCE]
    return " ".join(["bert-bundle rescue", shlex.quote(str(source)), *needs, *reference, "-o BUNDLE"])
