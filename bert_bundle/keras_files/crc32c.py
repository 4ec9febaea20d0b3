"""CRC-32C (Castagnoli) of large data with NumPy, and TensorFlow's masked form of it.

The polynomial is that of RFC 3720, section 12.1; the mask that of LevelDB's tables, which rotates by 15 bits and adds a
constant (leveldb/util/crc32c.h). Long data is cut into columns, whose registers advance together.
"""

from typing import List

import numpy as np

_POLYNOMIAL = 0x82F63B78  # reflected
_MASK_DELTA = 0xA282EAD8
_LANES = 1 << 14  # columns that advance together


def _table() -> np.ndarray:
    values = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        values = np.where(values & 1, (values >> 1) ^ np.uint32(_POLYNOMIAL), values >> 1).astype(np.uint32)
    return values


_TABLE = _table()
_BYTES = [int(value) for value in _TABLE]


def crc32c(data: bytes) -> int:
    """Return the CRC-32C of the data."""
    rows = len(data) // _LANES
    register = 0xFFFFFFFF
    if rows >= 64:
        columns = np.frombuffer(data, np.uint8, rows * _LANES).reshape(_LANES, rows)
        registers = np.zeros(_LANES, np.uint32)
        registers[0] = register
        for position in range(rows):
            registers = _TABLE[(registers ^ columns[:, position]) & 0xFF] ^ (registers >> 8)
        register = _joined(registers, rows)
        data = data[rows * _LANES :]
    for byte in data:
        register = _BYTES[(register ^ byte) & 0xFF] ^ (register >> 8)
    return register ^ 0xFFFFFFFF


def masked(data: bytes) -> int:
    """Return the CRC-32C as it is stored beside the data that it protects."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF


def _joined(registers: np.ndarray, length: int) -> int:
    """Return the register behind all columns, each of `length` bytes: pairs are joined until one is left."""
    advance = _zeros(length)
    while len(registers) > 1:
        registers = _applied(advance, registers[0::2]) ^ registers[1::2]
        advance = [int(_applied(advance, np.array([row], np.uint32))[0]) for row in advance]
    return int(registers[0])


def _zeros(length: int) -> List[int]:
    """Return the matrix, one column for each bit, by which `length` zero bytes change a register."""
    result = [1 << bit for bit in range(32)]
    step = [_BYTES[1 << bit] if bit < 8 else 1 << (bit - 8) for bit in range(32)]  # one zero byte
    while length:
        if length & 1:
            result = [int(_applied(step, np.array([column], np.uint32))[0]) for column in result]
        step = [int(_applied(step, np.array([column], np.uint32))[0]) for column in step]
        length >>= 1
    return result


def _applied(matrix: List[int], registers: np.ndarray) -> np.ndarray:
    result = np.zeros_like(registers)
    for bit, column in enumerate(matrix):
        result ^= np.where(registers >> np.uint32(bit) & np.uint32(1), np.uint32(column), np.uint32(0))
    return result
