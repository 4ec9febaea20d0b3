"""The encoder's configuration and the tokenizer beside a stored model; the record of where a bundle comes from."""

import os
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Sequence

from bert_bundle.encoders.configuration import of_config
from bert_bundle.errors import FormatError, SignatureError, TokenizerError
from bert_bundle.format import strict_json
from bert_bundle.keras_files.stored_model import StoredModel
from bert_bundle.tokenizer import from_folder

_CONFIG = "config.json"
_VOCABULARIES = ("tokenizer.json", "vocab.txt", "vocab.json", "spiece.model", "sentencepiece.bpe.model")


class Sources:
    """The folders to look in: the one that was given, or else the model's own, or else those beside it."""

    def __init__(self, stored: StoredModel, config: Any, tokenizer: Any) -> None:
        self._stored, self._tokenizer = stored, tokenizer
        self._given = Path(os.fspath(config)) if config is not None else None

    def encoder_config(self) -> Optional[Mapping[str, Any]]:
        """Return the configuration of transformers in the folders, None if there is none.

        Raises as `encoder_config_folder`.
        """
        folder = self.encoder_config_folder()
        return _config(folder) if folder is not None else None

    def encoder_config_folder(self) -> Optional[Path]:
        """Return the folder of the configuration, None if there is none.

        Raises FormatError if the folder that was given has none, SignatureError if several folders have one.
        """
        found = [folder for folder in self._folders() if _config(folder)]
        if self._given is not None and not found:
            raise FormatError("a folder without a configuration of transformers", place=self._given / _CONFIG)
        return self._only(found, "a configuration of transformers", "--config") if found else None

    def tokenizer(self, configs: Mapping[str, Mapping[str, Any]], runtime: str) -> Any:
        """Return the tokenizer that was given, or that of the folders. Raises as `tokenizer_folder`."""
        if self._tokenizer is not None and not isinstance(self._tokenizer, (str, os.PathLike)):
            return self._tokenizer
        expected = of_config(next(iter(configs.values()))).tokenizer.name
        return from_folder(str(self.tokenizer_folder()), expected, runtime)

    def tokenizer_folder(self) -> Path:
        """Return the tokenizer's folder. Raises TokenizerError if no folder has one, SignatureError if several have."""
        if self._tokenizer is not None:
            return Path(os.fspath(self._tokenizer))
        found = [folder for folder in self._folders() if any((folder / name).is_file() for name in _VOCABULARIES)]
        if not found:
            raise TokenizerError(
                "no tokenizer is in the file or beside it",
                place=self._stored.source,
                wanted="the folder that tokenizer.save_pretrained wrote",
                fix="name it by --tokenizer",
            )
        return self._only(found, "a tokenizer", "--tokenizer")

    def _only(self, folders: Sequence[Path], what: str, option: str) -> Path:
        """Return the model's own folder, or the only one: which of several beside it is meant cannot be told."""
        own = Path(self._stored.path)
        if folders[0] in (own, own.parent):
            return folders[0]
        if len(folders) > 1:
            raise SignatureError(
                "several folders with {}".format(what),
                place=self._stored.source,
                found=", ".join(folder.name for folder in folders),
                fix="name the one of this model by {}".format(option),
            )
        return folders[0]

    def _folders(self) -> Sequence[Path]:
        if self._given is not None:
            return [self._given]
        source = Path(self._stored.path)
        beside = sorted(path for path in source.parent.iterdir() if path.is_dir() and path != source)
        return [*([source] if source.is_dir() else []), source.parent, *beside]


def _config(folder: Path) -> Optional[Mapping[str, Any]]:
    path = folder / _CONFIG
    document = strict_json.parse(path.read_bytes(), str(path)) if path.is_file() else None
    return document if isinstance(document, dict) and "model_type" in document else None


def record(stored: StoredModel, findings: Sequence[str], witness: Optional[Mapping[str, Any]]) -> Dict[str, Any]:
    """Return where a bundle comes from, as plain data for its manifest."""
    return {
        "source": stored.source,
        "kind": stored.kind,
        "sha256": stored.digest,
        "versions": dict(stored.versions),
        "findings": list(findings),
        "witness": dict(witness) if witness else "not proven against the original",
    }
