"""What reading a damaged file raises, as one typed error."""

import contextlib
from typing import Iterator

from bert_bundle.errors import BundleError, FormatError


@contextlib.contextmanager
def malformed(message: str, place: str) -> Iterator[None]:
    """Raise FormatError with `message` instead of whatever else is raised while inside the context.

    Readers of other packages assert, index and unpack; a record that lacks a field raises KeyError. Errors about the
    bundle are left as they are.
    """
    try:
        yield
    except BundleError:
        raise
    except Exception as error:
        raise FormatError(message, place=place, found="{}: {}".format(type(error).__name__, error)) from error
