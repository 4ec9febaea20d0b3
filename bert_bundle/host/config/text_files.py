"""How a text file of the user is read: bounded, and UTF-8. Does not know what is in it."""

from pathlib import Path

from bert_bundle.errors import ConfigError

LARGEST = 1_000_000  # bytes


def read_text(path: Path, *, name: str = "", largest: int = LARGEST, fix: str = "check the path") -> str:
    """Return the text in `path`, called `name` in errors (default: the name of the file).

    Raises ConfigError for a file that cannot be read (`fix` says what to do), that is larger than `largest` bytes, or
    that is not UTF-8.
    """
    place = name or path.name
    try:
        with path.open("rb") as file:
            data = file.read(largest + 1)
    except OSError as error:
        raise ConfigError("cannot read the file", place=place, found=error.strerror or error, fix=fix) from error
    if len(data) > largest:
        raise ConfigError(
            "the file is too large", place=place, wanted=f"at most {largest} bytes", found="more", fix="make it smaller"
        )
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError("not UTF-8", place=f"{place}: byte {error.start}", fix="save it as UTF-8") from error
