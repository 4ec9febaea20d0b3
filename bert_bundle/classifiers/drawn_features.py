"""What is drawn, in words: the words of drawn texts, and the features of a specification. Draws nothing."""
# ruff: noqa: RUF001

from typing import Any, List, Mapping, Sequence

from bert_bundle.encoders import families

# Words that tokenizers may treat differently. MARKED and YOUNG are the same in all fast tokenizers, not in slow ones.
WORDS = ("my", "invoice", "is", "wrong", "app", "crashing", "Password", "REFUND", "e-mail", "why?", "1,000.00", "qzx")
SPELLED = (
    "Señor",
    "Müller",
    "ÀÉÎ",
    "ß",
    "東京の",
    "請求書",
    "한국어",
    "🙏",
    "👩‍👩‍👧",
    "\u00a0",
    "\t",
    "[MASK]",
    "[SEP]",
)
MARKED = ("e\u0301le\u0300ve", "Z\u0361a\u0334l", "\u200bzero", "ﬁnd", "１２")
YOUNG = ("\U0001fae0", "\U0001f9cc", "\u1b4c", "\U0001e030")


def features(spec: Mapping[str, Any]) -> List[str]:
    """Return the features of a specification in words, which `event` counts and a test expects to be drawn."""
    family = families.CLASSES[spec["class"]]
    found = ["family " + family.model_type, "head " + (family.head or "none"), "pooling " + spec["pooling"]]
    found += ["{} {}".format(field, spec[field]) for field in ("layers", "activation", "types", "policy", "inputs")]
    found += ["{} {}".format(field, spec[field]) for field in ("call", "towers", "form", "open", "fast", "mask_cast")]
    found += ["{} {}".format(field, spec[field] or "unsaid") for field in ("caller", "padding", "swapped")]
    found += ["label " + _label(spec)]
    found += ["roles " + ",".join(spec["roles"]), "last {}".format(spec["last"] or "default")]
    found += ["extra " + record["name"] for record in spec["extra"]]
    found += ["output " + other[0] for other in spec["others"]]
    found += ["item " + _kind(item) for item in spec["head"]]
    found += ["frozen"] if spec["frozen"] else []
    found += ["added token"] if spec["tokenizer"].get("added") else []
    found += ["cased"] if spec["tokenizer"].get("do_lower_case") is False else []
    joined = " ".join(spec["texts"])
    kinds: Mapping[str, Sequence[str]] = {"emoji": ["🙏"], "CJK": ["東京"], "marks": MARKED, "young": YOUNG}
    found += ["text with " + kind for kind, words in kinds.items() if any(word in joined for word in words)]
    return found + (["empty text"] if "" in spec["texts"] else [])


def _label(spec: Mapping[str, Any]) -> str:
    """Return what the label of the first output is, in words."""
    if spec["label"]:
        return str(spec["label"])
    if spec["classes"] == 1:
        return "regression" if spec["last"] == "linear" else "one sigmoid"
    return {"sigmoid": "several sigmoids", "linear": "logits"}.get(spec["last"], "softmax")


def _kind(item: Any) -> str:
    if isinstance(item, int):
        return "units"
    return str(item.get("layer") or next(iter(item)))
