"""What lies beside a stored model: the encoder's configuration and the tokenizer; the record of where all came from."""

import os
from pathlib import Path
from typing import Any, Dict, Iterator, Mapping, Optional, Sequence

from bert_bundle.encoders.configuration import of_config
from bert_bundle.errors import FormatError, TokenizerError
from bert_bundle.format import strict_json
from bert_bundle.keras_files.stored_model import StoredModel
from bert_bundle.tokenizer import from_folder

_CONFIG = "config.json"
_VOCABULARIES = ("tokenizer.json", "vocab.txt", "vocab.json", "spiece.model", "sentencepiece.bpe.model")


class Sources:
    """The folders to look in: the one that was given, that of the model, and those beside it."""

    def __init__(self, stored: StoredModel, config: Any, tokenizer: Any) -> None:
        self._stored, self._source, self._tokenizer = stored, Path(stored.path), tokenizer
        self._given = Path(os.fspath(config)) if config is not None else None

    def encoder_config(self) -> Optional[Mapping[str, Any]]:
        """Return the configuration of transformers in the folder that was given, or in one beside the model.

        Raises FormatError if the folder that was given has none.
        """
        for folder in self._folders():
            path = folder / _CONFIG
            if path.is_file():
                document = strict_json.parse(path.read_bytes(), str(path))
                if isinstance(document, dict) and "model_type" in document:
                    return document
            if folder == self._given:
                raise FormatError("a folder without a configuration of transformers", place=str(path))
        return None

    def tokenizer(self, configs: Mapping[str, Mapping[str, Any]], runtime: str) -> Any:
        """Return the tokenizer that was given, or that of the first folder that has one. Raises TokenizerError."""
        if self._tokenizer is not None and not isinstance(self._tokenizer, (str, os.PathLike)):
            return self._tokenizer
        expected = of_config(next(iter(configs.values()))).tokenizer.name
        if self._tokenizer is not None:
            return from_folder(os.fspath(self._tokenizer), expected, runtime)
        for folder in self._folders():
            if any((folder / name).is_file() for name in _VOCABULARIES):
                return from_folder(str(folder), expected, runtime)
        raise TokenizerError(
            "no tokenizer is in the file or beside it",
            place=self._stored.source,
            wanted="the folder that tokenizer.save_pretrained wrote",
            fix="name it by --tokenizer",
        )

    def _folders(self) -> Iterator[Path]:
        if self._given is not None:
            yield self._given
            return
        if self._source.is_dir():
            yield self._source
        beside = self._source.parent
        yield beside
        yield from sorted(path for path in beside.iterdir() if path.is_dir() and path != self._source)


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
