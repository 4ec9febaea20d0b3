"""The commands about the matrix: list, lock, run."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click

from bert_bundle.classifiers import catalogue, strategies
from bert_bundle.errors import ConfigError
from bert_bundle.host.commands.options import CommandResult, Options, common, reported, selection
from bert_bundle.host.config.matrix_file import DEFAULT_GROUP, Environment
from bert_bundle.host.environments.locks import lock as write_lock
from bert_bundle.host.environments.locks import read_lock
from bert_bundle.host.environments.prepare import PreparedEnvironment, TemporaryEnvironment, plan, prepare
from bert_bundle.host.report import json, junit, markdown, text
from bert_bundle.host.runs import run as runs
from bert_bundle.host.runs import shrink
from bert_bundle.host.runs.reproduction import write

# What a writer writes: (how many, from which seed) -> specifications.
_CLASSIFIERS = MappingProxyType[str, Callable[[int, int], list[dict[str, Any]]]](
    {
        "classic": lambda _, seed: strategies.draw(1, seed),
        "generated": strategies.draw,
        "catalogue": lambda _, seed: catalogue.specifications(),
    }
)


_LEAST_DRAWN = 10  # classifiers that are tried, where the classic one fails, before it is the smallest


@click.group(no_args_is_help=False)
def matrix() -> None:
    """The environments of compat_matrix.yaml: list them, lock them, run them against each other."""


@matrix.command("list")
@selection
@common
def list_(options: Options, names: tuple[str, ...], groups: tuple[str, ...]) -> CommandResult:
    """The environments, what each is made of, and whether its lock is there and fits its row.

    \b
    Examples:
      bert-bundle matrix list
      bert-bundle matrix list --groups ci --json | jq -r '.environments[].id'
    """
    rows = [(row, _locked(row, options.locks)) for row in options.matrix.select(groups=groups, names=names)]
    return options.answer(lambda: json.environments(rows), lambda style: text.environments(rows, style))


@matrix.command()
@selection
@common
def lock(options: Options, names: tuple[str, ...], groups: tuple[str, ...]) -> CommandResult:
    """Resolve the environments as on their days and write their lock files, with hashes, into locks/.

    \b
    Examples:
      bert-bundle matrix lock
      bert-bundle matrix lock --env tf2.10-hf4.25-py3.9
    """
    written = []
    for row in options.matrix.select(groups=groups, names=names):
        options.progress(f"{row.id}: resolving as on {row.as_of}")
        written.append((row, write_lock(row, options.locks.parent)))
    return options.answer(lambda: json.locks(written), lambda style: text.locks(written, style))


@matrix.command()
@selection
@click.option(
    "--writers",
    multiple=True,
    metavar="GLOB",
    help="Of the selected, those that write; default: all that are not expected to be refused.",
)
@click.option("--readers", multiple=True, metavar="GLOB", help="Of the selected, those that read; default: all.")
@click.option(
    "--examples",
    type=click.IntRange(min=1),
    metavar="N",
    help="Generated classifiers per writer, the classic among them; with --classifiers generated and without this as "
    "many as the matrix file says.",
)
@click.option(
    "--classifiers",
    type=click.Choice(list(_CLASSIFIERS)),
    help="classic: first token, ten numerical features, softmax; generated: N drawn from the seed, that one first; "
    "catalogue: one for every way to write a classifier. "
    "Default: classic, or generated where --examples says more than one.",
)
@click.option("--seed", type=int, metavar="N", help="Of the generated classifiers; default: the matrix file's.")
@click.option(
    "--discard-environments",
    "discard",
    is_flag=True,
    help="Make each environment when it is used and remove it from the cache after: no more on disk than --jobs.",
)
@click.option("--keep", type=click.Path(path_type=Path), metavar="DIR", help="Where to leave the bundles.")
@click.option(
    "--reproductions",
    type=click.Path(path_type=Path),
    default=Path("bert-bundle-reproductions"),
    show_default=True,
    metavar="DIR",
    help="Where a script goes that shows the first pair that is not as expected, on the smallest classifier found.",
)
@reported
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
    discard: bool,
    keep: Path | None,
    reproductions: Path,
) -> CommandResult:
    """Save classifiers in each environment (default: the group ci), load every one in each, grade each pair.

    When a pair is not as expected the run goes on with its two workers alone: it looks for the smallest
    classifier on which they still disagree (at most five minutes), and leaves a script that shows it.

    \b
    Examples:
      bert-bundle matrix run
      bert-bundle matrix run --writers 'tf2.21-*' --readers 'tf2.6-*' --examples 5 --keep bundles
      bert-bundle matrix run --report markdown=run.md --report json=run.json
    """
    kind = classifiers or ("classic" if examples in (None, 1) else "generated")
    count = examples or (options.matrix.properties.examples if kind == "generated" else 1)
    if count > 1 and kind != "generated":
        raise ConfigError(
            "the number of examples is that of generated classifiers",
            place="--examples",
            found=f"{count}, with --classifiers {kind}",
            fix="leave one of the two out",
        )
    number = options.matrix.properties.seed if seed is None else seed
    drawn = _CLASSIFIERS[kind](count, number)
    rows = options.matrix.select(groups=groups or (() if names else (DEFAULT_GROUP,)), names=names)
    able = [row for row in rows if row in options.matrix.loading]
    writing, reading = _narrow(able, writers, "--writers"), _narrow(rows, readers, "--readers")
    with _folder(keep) as folder:
        needed = [row for row in rows if row in writing or row in reading]
        places = _places(needed, options, discard)
        found = runs.cross(
            [places[row.id] for row in writing],
            [places[row.id] for row in reading],
            drawn,
            folder=folder,
            executor=options.executor,
            progress=options.progress,
            terms=options.terms,
        )
        if not discard:
            more = partial(strategies.smallest_failing, examples=count - 1 or _LEAST_DRAWN, seed=number)
            search = None if kind == "catalogue" else more
            found = _reproduced(found, drawn, search, folder, reproductions, options)
    reports = {"junit": lambda: junit.run(found), "markdown": lambda: markdown.cross(found)}
    return options.answer(lambda: json.run(found), lambda style: text.cross(found, style), found.exit_code, reports)


def _reproduced(
    found: runs.Run,
    drawn: Sequence[dict[str, Any]],
    search: shrink.Search | None,
    folder: Path,
    reproductions: Path,
    options: Options,
) -> runs.Run:
    """The run with a script for what was not as expected in it."""
    least = shrink.shrink(found, drawn, search, folder=folder, progress=options.progress, terms=options.terms)
    if least is None:
        return found
    rows = {row.id: row for row in options.matrix.environments}
    return replace(found, reproductions=[write(least, rows, options.locks, reproductions, options.terms)])


def _places(
    rows: Sequence[Environment], options: Options, discard: bool
) -> Mapping[str, PreparedEnvironment | TemporaryEnvironment]:
    """Each environment by its id: made now, or when it is used."""
    places: Sequence[PreparedEnvironment | TemporaryEnvironment] = (
        plan(rows, options.locks) if discard else prepare(rows, options.locks, progress=options.progress)
    )
    return dict(zip((row.id for row in rows), places, strict=True))


def _locked(row: Environment, locks: Path) -> bool:
    try:
        read_lock(row, locks)
    except ConfigError:
        return False
    return True


def _narrow(rows: Sequence[Environment], globs: Sequence[str], option: str) -> list[Environment]:
    kept = [row for row in rows if not globs or any(fnmatchcase(row.id, glob) for glob in globs)]
    if not kept:
        raise ConfigError(
            "no selected environment matches",
            place=option,
            wanted=", ".join(row.id for row in rows) or "one that is not expected to be refused",
            found=", ".join(globs) or "none",
            fix="choose one of those, or a glob; what is expected to be refused reads and does not write",
        )
    return kept


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """Where the bundles go: an empty folder that stays, or one that does not."""
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="bert-bundle-") as folder:
            yield Path(folder)
        return
    try:
        keep.mkdir(parents=True, exist_ok=True)
        if any(keep.iterdir()):
            raise ConfigError("the folder for the bundles is not empty", place=keep, fix="choose another for --keep")
    except OSError as error:
        raise ConfigError("the folder for the bundles cannot be used", place=keep, found=error.strerror) from error
    yield keep
