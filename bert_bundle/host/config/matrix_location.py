"""Where the matrix file is: the user's own, else the one that comes with bert_bundle. Does not read it."""

from pathlib import Path

from bert_bundle.errors import ConfigError
from bert_bundle.host.config.matrix_file import FILE_NAME

_REPOSITORY = Path(__file__).resolve().parents[3]
_IN_WHEEL = Path(__file__).resolve().with_name("shipped")  # where pyproject.toml puts both, the locks beside the file


def default_matrix_path(start: Path | None = None) -> Path:
    """Return the nearest matrix file in `start` (default: the current directory) or above, else the shipped one."""
    here = (start or Path.cwd()).resolve()
    folders = (here, *here.parents, _REPOSITORY)
    return next((f / FILE_NAME for f in folders if (f / FILE_NAME).is_file()), _IN_WHEEL / FILE_NAME)


def shipped_matrix_path() -> Path:
    """Return the matrix file that comes with bert_bundle, whatever the user has; in a checkout that of the checkout."""
    shipped = _IN_WHEEL / FILE_NAME
    return shipped if shipped.is_file() else _REPOSITORY / FILE_NAME


def is_shipped(path: Path) -> bool:
    """Return whether this is the matrix file of the installed package, which belongs to no project."""
    return path.resolve().parent == _IN_WHEEL


def check_not_shipped(path: Path) -> None:
    """Raise ConfigError for the matrix file of the installed package, whose folder is not the user's to write to."""
    if is_shipped(path):
        raise ConfigError(
            f"no {FILE_NAME} in this folder or above, and the one that comes with bert_bundle is locked already",
            place=path,
            wanted="a matrix file of your own",
            fix=f"copy it here with its folder locks and change it, or name yours with --matrix: cp {path} .",
        )
