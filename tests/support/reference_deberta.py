"""What DeBERTa (He et al. 2020) adds to the scores of attention and to its first layer, for the reference."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping


def kinds(config: Mapping[str, Any]) -> list[str]:
    """Return the parts of a score for positions: c2p, content to position, and p2c. Each counts in its divisor."""
    return [kind for kind in config["pos_att_type"].split("|") if kind]


def number(config: Mapping[str, Any], i: int, j: int) -> int:
    """Return the row of the vector that token i has for the position of token j (He, equation 2).

    Buckets are logarithmic as in his code, in float32.
    """
    limit = config["max_relative_positions"]
    limit = limit if limit > 0 else config["max_position_embeddings"]
    buckets = config["position_buckets"]
    span, apart, mid = buckets if buckets > 0 else limit, i - j, buckets // 2
    if buckets > 0 and abs(apart) > mid:
        share = np.float32(math.log(abs(apart) / mid)) / np.log(np.float32((limit - 1) / mid))
        apart = int(math.copysign(math.ceil(share * np.float32(mid - 1)) + mid, apart))
    return int(min(max(apart + span, 0), 2 * span - 1))


def positions(
    config: Mapping[str, Any],
    query: np.ndarray,
    key: np.ndarray,
    keys: np.ndarray | None,
    queries: np.ndarray | None,
) -> np.ndarray:
    """Return the second and third term of He's equation 4 over sqrt(d), (n, heads, length, length).

    `query`, `key`: (n, heads, length, d) of contents; `keys`, `queries`: (rows, heads, d) of positions, None for a term
    that is not added.
    """
    length, size = query.shape[2:]
    total = np.zeros((*query.shape[:3], length))
    for i in range(length):
        for j in range(length):
            if keys is not None:
                total[:, :, i, j] += (query[:, :, i] * keys[number(config, i, j)]).sum(axis=-1)
            if queries is not None:
                total[:, :, i, j] += (key[:, :, j] * queries[number(config, i, j)]).sum(axis=-1)
    return np.asarray(total / math.sqrt(size))


def convolve(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return (n, length, outputs) of x, (n, length, inputs), and a weight, (outputs, inputs, odd width).

    What lies beyond the ends of a text is 0.
    """
    width = weight.shape[2]
    padded = np.pad(x, ((0, 0), (width // 2, width // 2), (0, 0)))
    return sum((padded[:, at : at + x.shape[1]] @ weight[:, :, at].T for at in range(width)), np.zeros(1))
