"""A small tokenizer for each family, the same in every release and made without a network. Does not know models."""
# ruff: noqa: RUF001

import base64
import struct
from dataclasses import replace
from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple, Type

from bert_bundle import tokenizer as tokenizers
from bert_bundle.encoders import families
from bert_bundle.encoders.families.family import UNIGRAM
from bert_bundle.tokenizer.bytelevel import ByteLevel, letters
from bert_bundle.tokenizer.description import CLASSES, Description, Model
from bert_bundle.tokenizer.unigram import Unigram
from bert_bundle.tokenizer.variants import Albert, Camembert, DebertaV2, MPNet
from bert_bundle.tokenizer.wordpiece import WordPiece

_WORDS = (
    "the a my your is was not wrong right invoice bill pay ##ing ##ed ##s app crash ##es log in out please help why "
    "how add export report dark mode plan price refund password email open close page error 1 2 3 0 ! ? . , ' - "
    "z ##w ##o ##l ##f se ##nor mu ##ller 東 京 の 🙏 word"
).split()
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_SPELLED = (
    " the| a| my| is| not| wrong| right| invoice| crash|es|ing| app| please| password| refund| dark| mode| why|n't|'s"
    "|My|The|é|è|ü|東|京|の| 🙏|12|..|  "
).split("|")
_NORMAL = {
    **dict.fromkeys("\t\n\r\u00a0\u2003\u3000", " "),
    "\u200b": "",
    "ﬁ": "fi",
    "e\u0301": "é",
    "１": "1",
    "２": "2",
    "ｆ": "f",
}
FAMILIES = {family.model_type: family.tokenizer.name for family in families.FAMILIES}  # -> class of transformers
FLAVOURS = tuple(  # (family, whether the tokenizer is fast) that a bundle can hold
    (family.model_type, fast)
    for family in families.FAMILIES
    for fast in (True, False)
    if fast or family.tokenizer.vocabulary != UNIGRAM
)


def tokenizer_of(family: str, *, fast: bool = True, runtime: str = "transformers") -> Any:
    """Return a small tokenizer for a model type, loaded from files like that of a bundle."""
    return load(describe(family), fast=fast, runtime=runtime)


def load(described: Description, *, fast: bool, runtime: str) -> Any:
    """Return the tokenizer of a description, loaded from its files."""
    return tokenizers.from_files(described.to_files(), fast=fast, runtime=runtime)


def describe(family: str, added: Sequence[str] = (), *, tokenizer_class: str = "", **settings: Any) -> Description:
    """Describe a tokenizer, with `added` tokens and settings by their names in tokenizer_config.json."""
    model = _MODELS[CLASSES[FAMILIES[family]]]()
    described = Description.fresh(tokenizer_class or FAMILIES[family], model, 64, **settings)
    known = frozenset(model.tokens)
    # Published vocabularies of DeBERTa lack the mask, too.
    more = [*(token for token in described.special if token not in known), *added]
    return replace(described, added={token: len(model.tokens) + i for i, token in enumerate(more)})


def wordpiece() -> List[str]:
    """Return the WordPiece tokens in the order of their ids; single letters make any ASCII word tokenizable."""
    letters = [chr(c) for c in range(ord("a"), ord("z") + 1)]
    tokens = [*_SPECIAL, *_WORDS, *letters, *("##" + c for c in letters)]
    return sorted(set(tokens), key=tokens.index)


def bytelevel() -> ByteLevel:
    """Return a vocabulary with every byte and each of the words, merged from left to right."""
    alphabet = letters()
    merges: Dict[Tuple[str, str], None] = {}
    for word in _SPELLED:
        spelled = "".join(alphabet[byte] for byte in word.encode("utf-8"))
        for end in range(1, len(spelled)):
            merges[spelled[:end], spelled[end]] = None
    tokens = ["<s>", "<pad>", "</s>", "<unk>", *alphabet, *(first + second for first, second in merges), "<mask>"]
    return ByteLevel(tuple(tokens), tuple(merges))


def unigram(kind: Type[Unigram] = Unigram) -> Unigram:
    """Return single letters and the words as pieces, longer ones with a higher score.

    White space, full-width letters and ligatures are normalized. Special pieces have the places of that kind.
    """
    words = [word.replace(" ", "\u2581") for word in _SPELLED if word.strip()]
    alphabet = [chr(c) for c in range(ord("!"), 0x7F)] + ["\u2581", *"éèüñçà東京のｱ"]
    scored = [(piece, -8.0 + 0.75 * len(piece)) for piece in dict.fromkeys([*alphabet, *words])]
    first, last = ([(piece, 0.0) for piece in pieces] for pieces in (kind.ORDER.first, kind.ORDER.last))
    table = base64.b64encode(charsmap(_NORMAL)).decode("ascii")
    return kind((*first, *scored, *last), kind.ORDER.first.index(kind.ORDER.unk), table)


def charsmap(normal: Mapping[str, str]) -> bytes:
    """Encode SentencePiece's normalization table: the size of a trie, the trie as a double array, the NUL-ended forms.

    A unit of the array has 32 bits: the label in bits 0 to 7, in bit 8 whether a key ends here, and from bit 10 on the
    exclusive or of its index and the index of the first of its 256 children. The unit of a form is the form's offset.
    """
    forms = b"".join(form.encode("utf-8") + b"\0" for form in normal.values())
    children: List[Dict[int, int]] = [{}]
    ends: Dict[int, int] = {}
    position = 0
    for key, form in normal.items():
        node = 0
        for byte in key.encode("utf-8"):
            if byte not in children[node]:
                children[node][byte] = len(children)
                children.append({})
            node = children[node][byte]
        ends[node] = position
        position += len(form.encode("utf-8")) + 1
    units = [0] * (256 * (len(children) + 1))
    units_of = {0: (0, 0)}  # node -> (index of its unit, label)
    for node, branches in enumerate(children):
        index, label = units_of[node]
        first = 256 * (node + 1)
        units[index] = (index ^ first) << 10 | (node in ends) << 8 | label
        if node in ends:
            units[first] = ends[node] | 1 << 31
        units_of.update((child, (first + byte, byte)) for byte, child in branches.items())
    trie = struct.pack("<{}I".format(len(units)), *units)
    return struct.pack("<I", len(trie)) + trie + forms


_MODELS: Mapping[Type[Model], Callable[[], Model]] = {
    WordPiece: lambda: WordPiece(tuple(wordpiece())),
    ByteLevel: bytelevel,
    Unigram: unigram,
    Albert: lambda: unigram(Albert),
    Camembert: lambda: unigram(Camembert),
    DebertaV2: lambda: unigram(DebertaV2),
    MPNet: lambda: MPNet(("<s>", "<pad>", "</s>", *wordpiece()[1:], "<mask>")),
}
