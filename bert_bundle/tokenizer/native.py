"""A tokenizer that needs only the `tokenizers` package, called like those of transformers. Does not know: files.

Truncation, special tokens and padding are done here, by the rules of transformers 4, so that they do not depend on the
installed release of `tokenizers`.
"""

import json
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

import numpy as np

from bert_bundle.encoders.families import FAMILIES
from bert_bundle.errors import RuntimeUnavailableError, SignatureError
from bert_bundle.tokenizer import slow_wordpiece
from bert_bundle.tokenizer.description import Description
from bert_bundle.tokenizer.general import NO_LIMIT
from bert_bundle.tokenizer.paths import FAST
from bert_bundle.tokenizer.wordpiece import WordPiece

_WITH_TYPES = frozenset(family.tokenizer.name for family in FAMILIES if family.tokenizer.token_types)


class NativeTokenizer:
    """A tokenizer that gives the ids of transformers 4, fast or slow, from the same files.

    `padding_side`, `truncation_side` and `model_max_length` may be set. Special tokens are attributes by their names
    in transformers (`cls_token`, `cls_token_id`).
    """

    padding_side = "right"
    truncation_side = "right"

    def __init__(self, described: Description, *, fast: bool) -> None:
        import tokenizers

        document = json.dumps(described.document())
        try:
            self.backend_tokenizer = tokenizers.Tokenizer.from_str(document)
        except Exception as error:  # `tokenizers` raises bare exceptions
            raise RuntimeUnavailableError(
                "the installed tokenizers cannot read the tokenizer",
                place=FAST,
                found="{}: {}".format(type(error).__name__, error),
                fix="load the bundle where a newer tokenizers is installed",
            ) from error
        self.is_fast = fast
        self.tokenizer_class: str = described.config["tokenizer_class"]
        self.padding_side = described.config["padding_side"]
        self.truncation_side = described.config["truncation_side"]
        self.model_max_length: int = described.config["model_max_length"]
        self._described = described

    def __call__(
        self,
        text: Union[str, Sequence[str]],
        text_pair: Union[str, Sequence[str], None] = None,
        *,
        padding: Union[bool, str] = False,
        truncation: Union[bool, str] = False,
        max_length: Optional[int] = None,
        add_special_tokens: bool = True,
        return_token_type_ids: Optional[bool] = None,
        return_attention_mask: Optional[bool] = None,
        return_tensors: Optional[str] = None,
    ) -> Dict[str, object]:
        """Return {"input_ids", "token_type_ids", "attention_mask"}: one list for one text, else lists, or arrays "np".

        padding     True or "longest", "max_length", False
        truncation  True or "longest_first", "only_first", "only_second", False

        Raises SignatureError for arguments that do not fit together.
        """
        one = isinstance(text, str)
        firsts: List[str] = [text] if isinstance(text, str) else list(text)
        seconds = [text_pair] if isinstance(text_pair, str) else text_pair
        if seconds is not None and len(seconds) != len(firsts):
            raise SignatureError(
                "text_pair does not have one entry for each text", place="text_pair", found=len(seconds)
            )
        if return_tensors not in (None, "np"):
            raise SignatureError("unknown return_tensors", place="return_tensors", wanted="np", found=return_tensors)
        room = self.model_max_length if max_length is None else max_length
        if room >= NO_LIMIT and padding == "max_length":
            raise SignatureError("no length to pad the rows to", place="max_length", fix="pass max_length")
        rows = [
            self._row(first, second, room if truncation else None, truncation, add_special_tokens)
            for first, second in zip(self._ids(firsts), [None] * len(firsts) if seconds is None else self._ids(seconds))
        ]
        columns = self._padded(rows, padding, room)
        if return_token_type_ids is None:
            return_token_type_ids = self.tokenizer_class in _WITH_TYPES
        asked = {
            "token_type_ids": return_token_type_ids,
            "attention_mask": return_attention_mask is not False,
        }
        kept = {name: column for name, column in columns.items() if asked.get(name, True)}
        if return_tensors == "np":
            if len({len(row) for row in columns["input_ids"]}) > 1:
                raise SignatureError("rows of different lengths", place="padding", fix='pass padding="max_length"')
            return {name: np.asarray(column, dtype=np.int64) for name, column in kept.items()}
        return {name: column[0] for name, column in kept.items()} if one else dict(kept)

    def __len__(self) -> int:
        return len(self.get_vocab())

    def __getattr__(self, name: str) -> Any:
        described = self.__dict__.get("_described")  # absent while a copy is made
        if described is not None and name in described.model.SPECIAL:
            return described.config[name]
        if described is not None and name.endswith("_id") and name[:-3] in described.model.SPECIAL:
            return self.convert_tokens_to_ids(described.config[name[:-3]])
        raise AttributeError("{} has no attribute {}".format(type(self).__name__, name))

    @property
    def vocab_size(self) -> int:
        """Return the number of tokens of the model, without added tokens."""
        return len(self._described.model.tokens)

    @property
    def all_special_tokens(self) -> List[str]:
        """Return every special token once."""
        return list(self._described.special)

    @property
    def all_special_ids(self) -> List[int]:
        """Return the ids of `all_special_tokens`."""
        return [self.convert_tokens_to_ids(token) for token in self.all_special_tokens]

    def get_vocab(self) -> Dict[str, int]:
        """Return every token's id, added tokens included."""
        return dict(self.backend_tokenizer.get_vocab(with_added_tokens=True))

    def tokenize(self, text: str) -> List[str]:
        """Return the tokens of one text, without special tokens around it."""
        return [self.convert_ids_to_tokens(i) for i in self._ids([text])[0]]

    def convert_tokens_to_ids(self, tokens: Any) -> Any:
        """Return the id of a token, or of each of several; that of the unknown token if the vocabulary lacks it."""
        if not isinstance(tokens, str):
            return [self.convert_tokens_to_ids(token) for token in tokens]
        found = self.backend_tokenizer.token_to_id(tokens)
        return self.backend_tokenizer.token_to_id(self._described.config["unk_token"]) if found is None else found

    def convert_ids_to_tokens(self, ids: Any) -> Any:
        """Return the token of an id, or of each of several."""
        if isinstance(ids, (int, np.integer)):
            return self.backend_tokenizer.id_to_token(int(ids))
        return [self.convert_ids_to_tokens(i) for i in ids]

    def decode(self, token_ids: Sequence[int], skip_special_tokens: bool = False) -> str:
        """Return the text of ids, as far as the vocabulary preserves it."""
        return str(self.backend_tokenizer.decode([int(i) for i in token_ids], skip_special_tokens=skip_special_tokens))

    def _ids(self, texts: Sequence[str]) -> List[List[int]]:
        if not self.is_fast and isinstance(self._described.model, WordPiece):
            return [self._slow_ids(text) for text in texts]
        return [list(found.ids) for found in self.backend_tokenizer.encode_batch(list(texts), add_special_tokens=False)]

    def _slow_ids(self, text: str) -> List[int]:
        ids: List[int] = []
        for piece, known in slow_wordpiece.pieces(self._described, text):
            if known:
                ids.append(self.convert_tokens_to_ids(piece))
            else:
                ids += [token.id for token in self.backend_tokenizer.model.tokenize(piece)]
        return ids

    def _row(
        self, first: List[int], second: Optional[List[int]], room: Optional[int], rule: object, special: bool
    ) -> List[Tuple[int, int]]:
        """Return (id, type) of each token of one text or pair, at most `room` tokens with the special ones."""
        model = self._described.model
        template = model.SINGLE if second is None else model.PAIR
        parts = [part for part in template if special or part[0] in ("A", "B")]
        lengths = len(first), 0 if second is None else len(second)
        if room is not None:
            left = max(room - sum(name not in ("A", "B") for name, _ in parts), 0)
            lengths = kept_lengths(*lengths, left, str(rule), fast=self.is_fast)
        runs = {"A": self._truncated(first, lengths[0]), "B": self._truncated(second or [], lengths[1])}
        return [(i, kind) for name, kind in parts for i in runs.get(name) or self._single(name)]

    def _single(self, name: str) -> List[int]:
        return [] if name in ("A", "B") else [getattr(self, name + "_id")]

    def _truncated(self, ids: List[int], length: int) -> List[int]:
        return ids[:length] if self.truncation_side == "right" else ids[len(ids) - length :]

    def _padded(self, rows: List[List[Tuple[int, int]]], padding: object, room: int) -> Dict[str, List[List[int]]]:
        longest = max(map(len, rows), default=0)
        widths = {"max_length": room, "longest": longest, True: longest, "do_not_pad": 0, False: 0}
        if padding not in widths:
            raise SignatureError("unknown padding", place="padding", wanted="max_length, longest", found=padding)
        columns: Dict[str, List[List[int]]] = {"input_ids": [], "token_type_ids": [], "attention_mask": []}
        for row in rows:
            missing = max(widths[padding] - len(row), 0)
            values = [i for i, _ in row], [kind for _, kind in row], [1] * len(row)
            for column, own, filler in zip(columns.values(), values, (self.pad_token_id, 0, 0)):
                more = [filler] * missing
                column.append([*own, *more] if self.padding_side == "right" else [*more, *own])
        return columns


def kept_lengths(first: int, second: int, room: int, rule: str, *, fast: bool) -> Tuple[int, int]:
    """Return how many of the `first` tokens of a text and the `second` tokens of its pair are kept in `room`.

    If both are truncated and `room` is odd, fast tokenizers give the odd token to the pair and slow ones to the text
    (unless the text alone is longer); the same from transformers 4.5 to 4.57.
    """
    excess = max(first + second - room, 0)
    if rule == "only_first":
        return max(first - excess, 0), second
    if rule == "only_second":
        return first, max(second - excess, 0)
    if rule not in ("True", "longest_first"):
        raise SignatureError("unknown truncation", place="truncation", wanted="longest_first", found=rule)
    if not excess:
        return first, second
    small, large = room // 2, room - room // 2
    if min(first, second) <= small:
        return (first, room - first) if first <= second else (room - second, second)
    odd_to_the_text = first > second or not fast
    return (large, small) if odd_to_the_text else (small, large)
