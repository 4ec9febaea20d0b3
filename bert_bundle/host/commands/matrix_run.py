"""The command that runs the environments of the matrix against each other."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bert_bundle.errors import ConfigError
from bert_bundle.host.commands.command_result import CommandResult
from bert_bundle.host.commands.options import Options, common, discarding, remembering, selection, with_report_files
from bert_bundle.host.config.selection import matching

if TYPE_CHECKING:
    from bert_bundle.host.config.matrix_file import Environment
    from bert_bundle.host.runs.run import Run
    from bert_bundle.host.runs.shrink import Search

_CLASSIC, _GENERATED, _CATALOGUE = "classic", "generated", "catalogue"
_LEAST_DRAWN = 10  # classifiers that are tried to find a smaller one than the classic classifier


@click.command()
@selection
@click.option(
    "--writers",
    multiple=True,
    metavar="ID",
    help="Which of the selected environments save; default: all that are not expected to be refused.",
)
@click.option("--readers", multiple=True, metavar="ID", help="Which of the selected environments load; default: all.")
@click.option(
    "--examples",
    type=click.IntRange(min=1),
    metavar="N",
    help="How many classifiers are generated for each writer, the classic one among them. Default with --classifiers "
    "generated: properties.examples of the matrix file.",
)
@click.option(
    "--classifiers",
    type=click.Choice([_CLASSIC, _GENERATED, _CATALOGUE]),
    help="classic: first token, ten numerical features, softmax; generated: that one, then others drawn from the seed; "
    "catalogue: one for every way to write a classifier. Default: classic, or generated if --examples is more than 1.",
)
@click.option(
    "--seed",
    type=int,
    metavar="N",
    help="The seed of generated classifiers; default: properties.seed of the matrix file.",
)
@discarding
@click.option(
    "--keep",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Leave the bundles in this folder, which must be empty or new.",
)
@click.option(
    "--reproductions",
    type=click.Path(path_type=Path),
    default=Path("bert-bundle-reproductions"),
    show_default=True,
    metavar="DIR",
    help="The folder for a script that reproduces the first pair that is not as expected.",
)
@with_report_files
@remembering
@common
def run(
    options: Options,
    names: tuple[str, ...],
    groups: tuple[str, ...],
    writers: tuple[str, ...],
    readers: tuple[str, ...],
    examples: int | None,
    classifiers: str | None,
    seed: int | None,
    keep: Path | None,
    reproductions: Path,
) -> CommandResult:
    """Save in each environment, load in each, grade each pair.

    Without --env and --groups it takes the environments of the group ci if the matrix file has it, else all that are
    not expected to be refused. If a pair is not as expected, the run goes on
    with its two workers: it searches, for at most five minutes, for the smallest classifier on which they still
    disagree, and writes a script that reproduces it. With --discard-environments it does not search.

    \b
    Examples:
      bert-bundle matrix run
      bert-bundle matrix run --writers 'tf2.21-*' --readers 'tf2.6-*' --examples 5 --keep bundles
      bert-bundle matrix run --report markdown=run.md --report json=run.json
    """
    from bert_bundle.host.operations.chosen_environments import environments_of, rows_of
    from bert_bundle.host.report.reports import CrossReport
    from bert_bundle.host.runs import run as runs

    kind = classifiers or (_CLASSIC if examples in (None, 1) else _GENERATED)
    count = examples or (options.matrix.properties.examples if kind == _GENERATED else 1)
    if count > 1 and kind != _GENERATED:
        raise ConfigError(
            "--examples needs --classifiers generated",
            place="--examples",
            found=f"{count}, with --classifiers {kind}",
            fix="leave one of the two out",
        )
    number = options.matrix.properties.seed if seed is None else seed
    specifications = _specifications(kind, count, number)
    rows = options.matrix.select_or_default(groups=groups, names=names)
    able = [row for row in rows if row in options.matrix.loading]
    working = [row.id for row in able]
    writing, reading = _narrow(able, writers, working, "--writers"), _narrow(rows, readers, working, "--readers")
    with _folder(keep) as folder:
        needed = [row for row in rows if row in writing or row in reading]
        places = environments_of(options, rows_of(options, needed))
        environments = dict(zip((row.id for row in needed), places, strict=True))
        found = runs.cross(
            [environments[row.id] for row in writing],
            [environments[row.id] for row in reading],
            specifications,
            folder=folder,
            executor=options.executor,
            progress=options.progress,
            options=options.run_options,
        )
        if not (options.discard or found.interrupted):
            search = None if kind == _CATALOGUE else _smaller(count, number)
            found = _reproduced(found, specifications, search, folder, reproductions, options)
    return options.reported(CrossReport(run=found), found.exit_code)


def _specifications(kind: str, count: int, seed: int) -> list[dict[str, object]]:
    """Return what each writer saves."""
    if kind == _CATALOGUE:
        from bert_bundle.classifiers import catalogue

        return catalogue.specifications()
    from bert_bundle.classifiers import strategies  # imports Hypothesis

    return strategies.draw(count, seed)


def _smaller(count: int, seed: int) -> Search:
    """Return the search for a smaller classifier."""
    from bert_bundle.classifiers import strategies

    return partial(strategies.smallest_failing, examples=count - 1 or _LEAST_DRAWN, seed=seed)


def _reproduced(
    found: Run,
    specifications: Sequence[dict[str, object]],
    search: Search | None,
    folder: Path,
    reproductions: Path,
    options: Options,
) -> Run:
    """Return the run, with a script that reproduces the first pair that is not as expected."""
    from bert_bundle.host.runs import shrink
    from bert_bundle.host.runs.reproduction import write

    try:
        least = shrink.shrink(
            found, specifications, search, folder=folder, progress=options.progress, options=options.run_options
        )
    except KeyboardInterrupt:
        return replace(found, interrupted=True)
    if least is None:
        return found
    rows = {row.id: row for row in options.matrix.environments}
    return replace(found, reproductions=[write(least, rows, options.locks, reproductions, options.run_options)])


def _narrow(
    rows: Sequence[Environment], names: Sequence[str], working: Sequence[str], option: str
) -> list[Environment]:
    if not rows:
        raise ConfigError(
            "no environment is selected that can save bundles",
            place=option,
            wanted="one that is not expected to be refused",
            fix="select more environments with --env or --groups",
        )
    ids = [row.id for row in rows]
    kept = {i for name in names for i in matching(name, ids, working, option=option)} if names else set(ids)
    return [row for row in rows if row.id in kept]


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """Yield the folder for the bundles: an empty one that is kept, or a temporary one."""
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="bert-bundle-") as folder:
            yield Path(folder)
        return
    try:
        keep.mkdir(parents=True, exist_ok=True)
        if any(keep.iterdir()):
            raise ConfigError("--keep must be an empty or new folder", place=keep, fix="choose another folder")
    except OSError as error:
        raise ConfigError("--keep cannot be used as a folder", place=keep, found=error.strerror) from error
    yield keep
