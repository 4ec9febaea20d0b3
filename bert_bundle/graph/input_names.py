"""What the name of an input says about its role. Used to ask, never to decide.

Does not know: graphs.
"""

import re
from typing import Optional

from bert_bundle.encoders.families.family import TOKENS
from bert_bundle.graph.signature import FEATURE

_IDS, _MASK, _TYPES = TOKENS

# Forms seen in public code, in a name as `_words` gives it. The first line that is found decides.
_FORMS = (
    (FEATURE, r"positions?"),  # position_ids are no text's
    (_TYPES, r"token_?types?(_?ids?)?|types?_?(ids?|tokens?)|segments?(_?ids?)?|segs?(_?ids?)?|tti"),
    (_MASK, r"(attention|attn|att|input|padding|pad|token|text|bert)?_?masks?|attention|attn"),
    (_IDS, r"(input|token|word|text|bert)?_?(word_?)?ids?|tokens|input_?ids?"),
)


def role_of(name: str) -> Optional[str]:
    """Return the role that the name of an input says its values have: "token_type_ids" for "left_SegmentIds:0".

    "feature" for positions, which are not made from a text. None for a name that says nothing, or two things.
    """
    words = _words(name)
    found = [role for role, form in _FORMS if re.search("(^|_)({})($|_)".format(form), words)]
    if {_TYPES, _MASK} <= set(found):
        return None
    return found[0] if found else None


def _words(name: str) -> str:
    """Return the name in lower case, its words joined by "_", without numbers."""
    parts = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    return "_".join(re.findall("[a-z]+", parts.lower()))
