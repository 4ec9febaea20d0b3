"""A family that no bundle has yet, for tests: its layers share a block, and its modules have other places.

Python 3.8 syntax: tests inside environments import it.
"""

from bert_bundle.encoders.families import BERT
from bert_bundle.encoders.families.family import Weights

SHARED_WEIGHTS = Weights(
    "shared",
    BERT.weights.block,
    blocks="encoder.groups.{}.layers.0",
    block_count="num_hidden_groups",
    projection="encoder.map_in",
    always_projects=True,
    pooler="pooler",
)
