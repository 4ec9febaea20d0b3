"""The command that writes the first matrix file of a project."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bert_bundle.errors import ConfigError
from bert_bundle.host.commands.command_result import CommandResult
from bert_bundle.host.commands.options import Options, common

if TYPE_CHECKING:
    from bert_bundle.host.config.matrix_file import Environment
    from bert_bundle.host.environments.first_matrix import ChosenRow
    from bert_bundle.host.environments.todays import TodaysEnvironment

_PATH = click.Path(path_type=Path)


@click.command()
@click.option("--from-venv", type=_PATH, metavar="PATH", help="Today's environment is this virtual environment.")
@click.option(
    "--from-requirements",
    type=_PATH,
    metavar="FILE",
    help="Today's environment is what this requirements file gives; without hashes it is resolved now.",
)
@click.option(
    "--from-lock",
    type=_PATH,
    metavar="FILE",
    help="Today's environment is this lock: a requirements file with hashes, or a pylock.toml.",
)
@click.option(
    "-o",
    "--out",
    type=_PATH,
    default=Path("compat_matrix.yaml"),
    show_default=True,
    metavar="FILE",
    help="The matrix file to write.",
)
@click.option("--force", is_flag=True, help="Replace files that are there.")
@common
def init(
    options: Options,
    from_venv: Path | None,
    from_requirements: Path | None,
    from_lock: Path | None,
    out: Path,
    force: bool,
) -> CommandResult:
    """Write a matrix file for this project.

    It has today's environment, the next upgrades of TensorFlow and the newest one, with locks, and a comment on each.
    Then `bert-bundle audit BUNDLE` in this folder uses them. Beside the file go locks/ and the JSON schema of the file,
    for editors.

    Without an option, today's environment is this interpreter's if it can load bundles. If not, the file has the
    environments that bert_bundle is tested in.

    \b
    Examples:
      bert-bundle init --from-lock requirements.txt
      bert-bundle init --from-venv /srv/venv
      bert-bundle init --from-requirements requirements.in -o ci/compat_matrix.yaml
    """
    from bert_bundle.host.config.matrix_file import read_matrix
    from bert_bundle.host.config.matrix_location import shipped_matrix_path
    from bert_bundle.host.environments.first_matrix import chosen_rows
    from bert_bundle.host.report.documents import environments as documents
    from bert_bundle.host.report.results import FirstMatrix
    from bert_bundle.host.report.text import environments as text

    given = {"--from-venv": from_venv, "--from-requirements": from_requirements, "--from-lock": from_lock}
    named = [option for option, path in given.items() if path is not None]
    if len(named) > 1:
        raise ConfigError("today's environment is one", place=named[1], wanted="one option", found=", ".join(named))
    _check_free([out], force)  # before anything is resolved
    shipped = read_matrix(shipped_matrix_path())
    today = _today(options, given, shipped.loading)
    files = _files(out, today, chosen_rows(shipped, today))
    _check_free(files, force)
    written = _write(files)
    matrix = read_matrix(out)
    found = FirstMatrix(
        matrix=out, environments=matrix.environments, files=written, left_out=today.left_out if today else ()
    )
    return options.result(found, document=documents.first_matrix, text=text.first_matrix)


def _today(
    options: Options, given: Mapping[str, Path | None], rows: tuple[Environment, ...]
) -> TodaysEnvironment | None:
    from bert_bundle.host.environments import todays
    from bert_bundle.host.environments.nearest import can_load, this_interpreter

    if path := given["--from-lock"]:
        return todays.from_lock(path, rows)
    if path := given["--from-requirements"]:
        options.progress(f"reading {path}; without hashes it is resolved now")
        return todays.from_requirements(path, rows)
    here = this_interpreter()
    venv = given["--from-venv"] or (here.python if can_load(here) else None)
    if venv is None:
        options.progress("this interpreter cannot load bundles, and no option names today's environment")
        return None
    options.progress(f"looking up the hashes of the packages in {venv}")
    return todays.from_venv(venv)


def _files(out: Path, today: TodaysEnvironment | None, rows: tuple[ChosenRow, ...]) -> dict[Path, str]:
    """Return the text of each file to write, the matrix file last."""
    from bert_bundle.host.config.matrix_location import shipped_matrix_path
    from bert_bundle.host.config.matrix_schema import SCHEMA_NAME, matrix_schema
    from bert_bundle.host.environments.first_matrix import TODAY, matrix_text
    from bert_bundle.host.environments.locks import FOLDER

    shipped, own = shipped_matrix_path().parent / FOLDER, out.parent / FOLDER
    files = {own / f"{c.row.id}.txt": (shipped / f"{c.row.id}.txt").read_text("utf-8") for c in rows}
    lock = f"{FOLDER}/{TODAY}.txt"
    if today is not None and today.lock is not None:
        lock = Path(os.path.relpath(today.lock, out.parent)).as_posix()
    elif today is not None:
        files[out.parent / lock] = today.text
    files[out.parent / SCHEMA_NAME] = json.dumps(matrix_schema(), indent=2) + "\n"
    return {**files, out: matrix_text(today, lock, rows)}


def _check_free(files: Iterable[Path], force: bool) -> None:
    """Raise ConfigError for the first file that is there, unless it may be replaced."""
    for path in files:
        if path.exists() and not force:
            raise ConfigError(
                "the file exists", place=path, wanted="a new file", fix="name another with -o, or --force"
            )


def _write(files: Mapping[Path, str]) -> tuple[Path, ...]:
    from bert_bundle.format.staging import write_file

    for path, text in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                "cannot make the folder", place=path.parent, found=error.strerror or error, fix="name another with -o"
            ) from error
        write_file(str(path), text.encode())
    return tuple(files)
