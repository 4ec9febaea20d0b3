"""What DeBERTa computes of padding, in which its two libraries differ; no real token depends on it."""

from bert_bundle.encoders.families.family import DISENTANGLED


def without_padding(value, family, mask):
    """Return an output with zeros where it is about padding, if it is DeBERTa's; those of others as they are.

    A query that sees no token has no attention in TensorFlow, as in the code of He et al., and the same attention to
    every token in PyTorch with transformers 4.57. `value`: (batch, [heads,] tokens, ...), or (batch, classes), which
    says nothing of single tokens. `mask`: (batch, tokens), zero at padding.
    """
    if family.weights.block.kind != DISENTANGLED:
        return value
    tokens = mask.shape[1]
    axis = value.shape.index(tokens, 1) if tokens in value.shape[1:] else None
    if axis is None:
        return value
    sizes = [1] * value.ndim
    sizes[0], sizes[axis] = mask.shape
    return value * mask.reshape(sizes).astype(value.dtype)


def rounding(family, of_others):
    """Return how far PyTorch is from exact in float64: DeBERTa's divides by a root that was taken in float32."""
    return 1e-7 if family.weights.block.kind == DISENTANGLED else of_others  # seen: 6.7e-8
