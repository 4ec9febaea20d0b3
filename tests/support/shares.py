"""Which tests of a suite are of which share, by their names. Runs inside the environments too: Python 3.8."""

import zlib


def in_share(name: str, share: str) -> bool:
    """Return whether a test is in share `I/N`, from `1/N` to `N/N`. It is in exactly one of them, and stays there."""
    index, shares = map(int, share.split("/"))
    return zlib.crc32(name.encode()) % shares == index - 1
