"""Sizes of modules for relative positions (He et al. 2020, 3.1), which follow from several fields of a configuration.

Fields are by BERT's names; a family without those of relative positions has none of the modules.
"""

from typing import Any, Dict, Mapping

CONTENT_TO_POSITION, POSITION_TO_CONTENT = "c2p", "p2c"  # what `pos_att_type` names, with | between them
LAYER_NORM = "layer_norm"


def limit(fields: Mapping[str, Any]) -> int:
    """Return the distance from which on tokens are equally far apart."""
    most = fields.get("max_relative_positions", -1)
    return int(most if most > 0 else fields["max_position_embeddings"])


def span(fields: Mapping[str, Any]) -> int:
    """Return how many relative positions are told apart on either side of a token."""
    buckets = fields.get("position_buckets", -1)
    return int(buckets) if buckets > 0 else limit(fields)


def sizes(fields: Mapping[str, Any]) -> Dict[str, int]:
    """Return the sizes, each 0 where an encoder of these fields does not have the module.

    relative_rows     rows of the table of relative positions
    relative_norm     of its layer normalization
    position_keys     outputs of the dense layer that makes keys of relative positions, if contents do not share it
    position_queries  the same of queries
    projected         outputs of the projection in the embeddings
    convolved         outputs of the convolution
    """
    hidden, relative = fields["hidden_size"], fields.get("relative_attention", False)
    own = fields.get("pos_att_type", "") if relative and not fields.get("share_att_key", True) else ""
    return {
        "relative_rows": 2 * span(fields) if relative else 0,
        "relative_norm": hidden if fields.get("norm_rel_ebd") == LAYER_NORM else 0,
        "position_keys": hidden if CONTENT_TO_POSITION in own else 0,
        "position_queries": hidden if POSITION_TO_CONTENT in own else 0,
        "projected": hidden if fields.get("embedding_size", hidden) != hidden else 0,
        "convolved": hidden if fields.get("conv_kernel_size", 0) else 0,
    }
