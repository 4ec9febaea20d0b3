"""CRC-32C: the published check value, long data, and what TensorFlow stores."""

import random

from bert_bundle.keras_files.crc32c import crc32c, masked


def bit_by_bit(data: bytes) -> int:
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0x82F63B78 if register & 1 else 0)
    return register ^ 0xFFFFFFFF


def test_the_check_value_of_the_polynomial() -> None:
    assert crc32c(b"123456789") == 0xE3069283


def test_data_that_is_cut_into_columns_gives_what_one_byte_after_another_gives() -> None:
    data = random.Random(0).randbytes((1 << 14) * 64 + 7)
    assert crc32c(data) == bit_by_bit(data)
    assert crc32c(data[:-1]) != crc32c(data)


def test_the_masked_form_is_rotated_and_moved() -> None:
    crc = 0xE3069283
    assert masked(b"123456789") == ((crc >> 15 | crc << 17) + 0xA282EAD8) % (1 << 32)
