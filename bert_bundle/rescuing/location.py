"""Which model is at a path: the file or folder itself, or the only one in a folder."""

from pathlib import Path
from typing import List

from bert_bundle.encoders import families
from bert_bundle.errors import BundleError, SignatureError
from bert_bundle.format import strict_json
from bert_bundle.format.model_kinds import CONFIG, HUGGING_FACE, kind_of, models_in

_MOST = 16 << 20  # bytes of a configuration


def model_at(path: Path) -> Path:
    """Return the model that a path names: itself, or the only model directly in the folder.

    A folder of transformers with an encoder alone is taken for the configuration of another model in it or beside it.
    Raises SignatureError where a folder has several models.
    """
    kind = kind_of(path)
    if not path.is_dir() or (kind and (kind != HUGGING_FACE or _has_a_head(path))):
        return path
    models = models_in(path)
    whole: List[Path] = [model for model in models if kind_of(model) != HUGGING_FACE or _has_a_head(model)]
    found = whole or models or [path]
    if len(found) > 1:
        raise SignatureError(
            "several models in one folder",
            place=path.name,
            found=", ".join(model.name for model in found),
            fix="name the one to rescue as PATH: its configuration and tokenizer are looked for beside it",
        )
    return found[0]


def _has_a_head(folder: Path) -> bool:
    """Return whether the configuration in a folder names a class with a head that a bundle can represent."""
    path = folder / CONFIG
    if path.stat().st_size > _MOST:
        return False
    try:
        config = strict_json.parse(path.read_bytes(), path.name)
    except BundleError:
        return False
    named = config.get("architectures") if isinstance(config, dict) else None
    family = families.CLASSES.get(str(named[0])) if isinstance(named, list) and named else None
    return family is not None and bool(family.head)
