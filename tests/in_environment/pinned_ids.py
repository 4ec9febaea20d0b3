"""Texts that tokenizers trip over, and the ids that every environment must give them; imports no transformers."""

# ruff: noqa: RUF001
import hashlib

from bert_bundle import tokenizer as tokenizers

LENGTH = 24

TEXTS = (
    "",
    " \t\n ",
    "my invoice is wrong",
    "The app crashes every time I open the settings page, and the error message says nothing at all.",
    "Señor Müller can't über-log-in; çà et là!",
    "zwölf e\u0301le\u0300ves Z\u0361a\u0334l\u0353go",
    "東京の請求書が間違っています",
    "please fix 🙏🏽 the 👩\u200d👩\u200d👧 export 🚀",
    "https://example.org/?q=a&b=%20 <b>bold</b> \t tabs\u00a0and\u200bzero-width\ufeff",
    "UPPER lower MiXeD 1234567890 3.14 1,000.00 $5 €6 ²½Ⅷ",
    "ΑΣ ΟΔΟΣ ὈΔΥΣΣΕΎΣ İstanbul straße STRASSE ǅ ﬁne",
    "مرحبا بالعالم नमस्ते दुनिया สวัสดี שָׁלוֹם",
    "control\u0000\u0001\u007f\u0085 replaced\ufffd private\ue000 tag\U000e0041",
    "line\u2028and\u2029paragraph \u3000wide\u2003em\x1cfile\x1funit",
    "[MASK] a[MASK]b [mask] [SEP][CLS] [UNK] literal <mask> a <mask>b</s><s> special <pad>",
    "x" * 120 + " " + "pay" * 40,
    "Ünïcödé ÀÉ Ǻ \u1e9b\u0323 ö\u0308",
    "１２３ ｆｕｌｌ ｗｉｄｔｈ ㌖ ㎏ ｱｲｳ",
    "don't we'll I've they're she'd it's 'quoted' _under_score_ a--b...c",
)


def digests(tokenizer, texts=TEXTS):
    """Eight hexadecimal digits of the ids, types and mask of each text: alone, and as a pair with the next one."""
    recipe = tokenizers.Recipe(LENGTH)
    alone = tokenizers.encode(tokenizer, recipe, texts, None)
    pairs = tokenizers.encode(tokenizer, recipe, texts, [*texts[1:], texts[0]])
    columns = [array.tolist() for found in (alone, pairs) for _, array in sorted(found.items())]
    return [hashlib.sha256(repr(row).encode()).hexdigest()[:8] for row in zip(*columns)]


def unequal(tokenizer, kind):
    """The texts that get other ids than those pinned for the kind of tokenizer."""
    return [text for text, wanted, found in zip(TEXTS, PINNED[kind].split(), digests(tokenizer)) if wanted != found]


PINNED = {
    "WordPiece fast": (
        "230f77a1 d3e2d5fc cd01b03d 7a10dd73 71842954 6a9609e9 ac16621c 2b08c786 76e6d47d 147b99d5 "
        "aac36151 0133cb06 1bd4bc91 5a22b3af caed0f4a 325fc094 ab9c5e3d e784bb22 51b0ba68 "
    ),
    "WordPiece slow": (
        "230f77a1 d3e2d5fc cd01b03d 7a10dd73 71842954 6a9609e9 ac16621c 2b08c786 76e6d47d 147b99d5 "
        "aac36151 0133cb06 660d3100 3346fead caed0f4a 325fc094 ab9c5e3d e784bb22 51b0ba68 "
    ),
}
