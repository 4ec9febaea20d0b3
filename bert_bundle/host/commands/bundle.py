"""The commands about bundles: inspect, verify, audit, diff."""

from pathlib import Path

import click

from bert_bundle.api import inspect as read_manifest
from bert_bundle.errors import AS_EXPECTED, NOT_AS_EXPECTED, ConfigError
from bert_bundle.host.commands.environment_options import resolve_upgrades
from bert_bundle.host.commands.options import CommandResult, Options, common, reported, selection
from bert_bundle.host.config.matrix_file import DEFAULT_GROUP
from bert_bundle.host.diff import compare
from bert_bundle.host.environments.environment import ReadyEnvironment, make
from bert_bundle.host.environments.locks import read_lock
from bert_bundle.host.environments.nearest import can_load, nearest, this_interpreter, written_by
from bert_bundle.host.environments.prepare import prepare
from bert_bundle.host.environments.prepare import prepare_one as place
from bert_bundle.host.report import json, junit, markdown, text
from bert_bundle.host.runs import run
from bert_bundle.host.runs.verdict import Verdict
from bert_bundle.host.upgrades.audit import with_upgrades

_bundle = click.argument("bundle", type=click.Path(path_type=Path))


@click.command()
@_bundle
@common
def inspect(options: Options, bundle: Path) -> CommandResult:
    """What is in BUNDLE: versions, inputs, labels, files. Every digest is checked; no TensorFlow is needed.

    \b
    Examples:
      bert-bundle inspect ticket-router
      bert-bundle inspect ticket-router --json | jq .labels
    """
    record = read_manifest(str(bundle)).to_json()
    return options.answer(lambda: record, lambda style: text.manifest(bundle, record, style))


@click.command()
@_bundle
@common
def verify(options: Options, bundle: Path) -> CommandResult:
    """Replay the golden examples of BUNDLE and compare.

    Runs in the current interpreter when that has a runtime: TensorFlow and a transformers with TensorFlow classes, or
    Keras 3 with a backend. Otherwise in the matrix environment nearest to the one that wrote the bundle. The report
    says which.

    \b
    Examples:
      bert-bundle verify ticket-router
      bert-bundle verify ticket-router --json | jq .grade
    """
    verdict = run.verify(bundle, _reader(options, bundle), progress=options.progress, terms=options.terms)
    return options.answer(
        lambda: json.verification(verdict), lambda style: text.verification(verdict, style), _exit_code(verdict)
    )


@click.command()
@_bundle
@selection
@click.option(
    "--with",
    "upgrades",
    multiple=True,
    metavar="PACKAGES",
    help="Also the environment that an upgrade to these would give, as in 'tensorflow==2.21.0 transformers==4.57.6'; "
    "may be repeated.",
)
@click.option(
    "--upgrade-from",
    "source",
    metavar="ENV",
    help="What is upgraded; default: the environment that is nearest to what is asked for.",
)
@reported
@common
def audit(
    options: Options,
    bundle: Path,
    names: tuple[str, ...],
    groups: tuple[str, ...],
    upgrades: tuple[str, ...],
    source: str | None,
) -> CommandResult:
    """Replay BUNDLE in each selected environment (default: the group ci) and grade every one.

    With --with it is replayed in the environment that an upgrade would give, beside the environment of today: that of
    --upgrade-from, or else the one nearest to the writer; --env and --groups add others. An upgrade starts from the
    lock of an environment and changes nothing else but what the resolver must, and says what that was; nothing is
    written beside the matrix file.

    \b
    Examples:
      bert-bundle audit ticket-router
      bert-bundle audit ticket-router --env 'tf2.1*' --json
      bert-bundle audit ticket-router --report junit=audit.xml,markdown=audit.md
      bert-bundle audit ticket-router --with "tensorflow==2.21.0 transformers==4.57.6"
      bert-bundle audit ticket-router --with numpy==2.0.2 --upgrade-from tf2.16-hf4.41-py3.12
    """
    if source and not upgrades:
        raise ConfigError("nothing is upgraded", place="--upgrade-from", wanted="--with PACKAGES beside it")
    selected = bool(groups or names or not upgrades)
    rows = options.matrix.select(groups=groups or (() if names else (DEFAULT_GROUP,)), names=names) if selected else ()
    packages, _ = written_by(read_manifest(str(bundle)))  # a damaged bundle is refused before minutes go by
    made = resolve_upgrades(options, packages, [text.split() for text in upgrades], source)
    today = [row for row in options.matrix.environments if row.id in {upgrade.instead_of for upgrade in made}]
    there = [*(row for row in today if row not in rows), *rows]
    places = [
        *prepare(there, options.locks, progress=options.progress),
        *(place(u.locked.environment, u.locked.lock, options.progress) for u in made),
    ]
    found = run.audit(bundle, places, executor=options.executor, progress=options.progress, terms=options.terms)
    found = with_upgrades(found, made)
    reports = {"junit": lambda: junit.run(found), "markdown": lambda: markdown.audit(found)}
    return options.answer(lambda: json.run(found), lambda style: text.audit(found, style), found.exit_code, reports)


@click.command()
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
@common
def diff(options: Options, a: Path, b: Path) -> CommandResult:
    """What differs between the bundles A and B: weights, configuration, graph, inputs and labels, tokenizer, behaviour.

    Behaviour is what both recorded of the examples that both have, so a release that was saved with the same examples
    is held against the last one, text by text. Needs no TensorFlow. Ends with 1 where they differ in more than who
    wrote them.

    \b
    Examples:
      bert-bundle diff ticket-router-1 ticket-router-2
      bert-bundle diff ticket-router-1 ticket-router-2 --json | jq .labels_changed
    """
    found = compare(a, b)
    code = AS_EXPECTED if found.same else NOT_AS_EXPECTED
    return options.answer(lambda: json.comparison(found), lambda style: text.comparison(found, style), code)


def _reader(options: Options, bundle: Path) -> ReadyEnvironment:
    packages, _ = written_by(read_manifest(str(bundle)))
    here = this_interpreter()
    if can_load(here):
        options.progress("verifying in this interpreter")
        return here
    row = nearest(options.matrix.loading, packages)
    options.progress(f"this interpreter cannot load a bundle: verifying in {row.id}, nearest to the writer")
    return make(row, read_lock(row, options.locks), progress=options.progress)


def _exit_code(verdict: Verdict) -> int:
    return AS_EXPECTED if verdict.as_expected else NOT_AS_EXPECTED
