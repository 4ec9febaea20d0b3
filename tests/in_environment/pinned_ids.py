"""Texts that tokenizers may read differently, and the ids that each environment must give; imports no transformers."""

# ruff: noqa: RUF001
import hashlib

from bert_bundle import tokenizer as tokenizers

LENGTH = 24

TEXTS = (
    "",
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
    "[MASK] a[MASK]b [mask] [SEP][CLS] [UNK] literal",
    "a <mask>b</s><s> <pad> the end",
    "x" * 120 + " " + "pay" * 40,
    "Ünïcödé ÀÉ Ǻ \u1e9b\u0323 ö\u0308",
    "１２３ ｆｕｌｌ ｗｉｄｔｈ ㌖ ㎏ ｱｲｳ",
    "never \u0378\u0379assigned my\u05ffinvoice \U000e0100 why\u2e4fnot is\u1dfa wrong\u0eba a\u1dfbb refund\u2e2ewhy",
    "don't we'll I've they're she'd it's 'quoted' _under_score_ a--b...c",
)


def digests(tokenizer, texts=TEXTS):
    """Eight hexadecimal digits of the ids, types and mask of each text: alone, and as a pair with the next one."""
    nexts = [*texts[1:], texts[0]]
    asked = ((LENGTH, None), (LENGTH, nexts), (LENGTH - 1, nexts))  # an odd and an even number of tokens to share
    found = [tokenizers.encode(tokenizer, tokenizers.Recipe(length), texts, pairs) for length, pairs in asked]
    columns = [array.tolist() for arrays in found for _, array in sorted(arrays.items())]
    return [hashlib.sha256(repr(row).encode()).hexdigest()[:8] for row in zip(*columns)]


def unequal(tokenizer, family, fast=True):
    """Return the texts that get other ids than every environment gives them with a tokenizer of the family."""
    wanted = PINNED[family if (family, fast) in PINNED else "bert", fast].split()
    assert len(wanted) == len(TEXTS)
    return [text for text, one, other in zip(TEXTS, wanted, digests(tokenizer)) if one != other]


PINNED = {  # bert's are those of every WordPiece family
    ("bert", True): (
        "54cffa7f ca12373a dfaf25fd 0354c92b fd488a6c 84f7f0bc 324a24f4 a7e46174 0d335fcf c0d35126 "
        "2cd10bb4 3b0431bb f299b74f 1e48ca83 343bea85 6f83d0b1 2403b41c 47a60183 cdc3a109 b1315a0c "
    ),
    ("bert", False): (
        "54cffa7f ca12373a dfaf25fd 0354c92b fd488a6c 84f7f0bc 324a24f4 a7e46174 0d335fcf c0d35126 "
        "2cd10bb4 12d56b02 f299b74f 8daff36c 343bea85 6f83d0b1 2403b41c 2111e7e1 c8bae293 b1315a0c "
    ),
    ("roberta", True): (
        "8829c2c4 5de29cb0 0e98ab97 6498e163 0db22bf1 3c74ffe9 01cd9f45 d83d97ba 736b3516 5ec789c2 "
        "d9da18a7 31b40bde 23aa217b ece15e81 ad259cfb 013e9e0e eaaa18ad 7b8c7343 9fd80d48 ecaa8ade "
    ),
    ("roberta", False): (
        "8829c2c4 5de29cb0 0e98ab97 6498e163 d1ba541b c8de6be7 546ca0b8 d83d97ba 82352400 d5a2ed2a "
        "d9da18a7 bce0babb 35f43c83 ece15e81 83d5bc7a 013e9e0e 8642fce6 ce4761d7 65a9d87a ecaa8ade "
    ),
    ("xlm-roberta", True): (
        "f551e954 36f70a40 6f2b1a82 be82eb87 8abb5d50 4a08135e 67ea61a0 a98fcf8e 9cd82715 e3c380c9 "
        "18718ca6 380719be 7d650a8b b61c0207 352d9ed5 6e6463b7 1f7c625b ed174a7d 8d4e9c66 b4b7dab9 "
    ),
    ("camembert", True): (
        "696b8c0b f334252b 6c313e7d 449319c9 eaa06105 3160cd59 94be33af ec433e23 5ec03db6 4cbb065e "
        "b39fafd7 c20b872c 1084f357 06a381e6 6d67ca45 2b4cea18 2b14f479 3f613462 62a66cad 8e7361df "
    ),
    ("albert", True): (
        "dbc7ab20 987082dc 918cb457 36d93d48 b46a657c f542d9e0 71575b2c 407bd1b6 781176a1 9f57a242 "
        "ac238e14 51546b14 0474e614 0a31172e 15d2e222 9bbacf82 ff2de21c d1017f7e 2e1e384f 45070f8d "
    ),
    ("mpnet", True): (
        "452c0a21 a621953d a9538eff a4584d2e 8b7f3f6f af15ed27 527d7db6 e0f91682 1e8db9a4 cb74ee96 "
        "aa298ad7 c56cb56b 69762067 4a2f3a75 36ab079d e03e4b87 645e9739 f90f8939 1f88bd5a 3ef9330c "
    ),
    ("mpnet", False): (
        "452c0a21 a621953d a9538eff a4584d2e 8b7f3f6f af15ed27 527d7db6 e0f91682 1e8db9a4 cb74ee96 "
        "aa298ad7 8496e69f c7be7371 4a2f3a75 36ab079d e03e4b87 645e9739 63d4767d 9cf9979a 3ef9330c "
    ),
    ("deberta-v2", True): (
        "9ead356d 310117e5 b678f6be 198c9df6 6f6e2b0b 3e738f24 2b9d8772 0b3db2b7 9326df9e 40749244 "
        "0428d583 26030d02 fee562ca 49120d72 8a1315be 689e9815 0d84afea 3f7f5c18 cbe3adc2 aa4c7246 "
    ),
}
