"""The commands about bundles on disk: inspect, verify, diff."""

from __future__ import annotations

from pathlib import Path

import click

from bert_bundle.errors import AS_EXPECTED, NOT_AS_EXPECTED, ConfigError
from bert_bundle.host.commands.command_result import CommandResult
from bert_bundle.host.commands.options import Options, common, discarding, existing
from bert_bundle.host.commands.travel.bundle_argument import BUNDLE


def is_old_model(path: Path) -> bool:
    """Return whether `path` is a model that a rescue may read, and not a bundle."""
    from bert_bundle.format import layout
    from bert_bundle.format.model_kinds import rescue_command

    return not (path / layout.MANIFEST).exists() and bool(rescue_command(path))


@click.command()
@click.argument("bundle", type=BUNDLE)
@common
def inspect(options: Options, bundle: Path) -> CommandResult:
    """Show what is in a bundle, or in an old model.

    Versions, inputs, labels and files of BUNDLE. Checks the digest of every file. Does not need TensorFlow.

    BUNDLE may also be what Keras, TensorFlow or transformers saved: a SavedModel folder, an .h5 or .keras file,
    weights, a checkpoint's prefix, a folder of transformers, or a folder with one of these. Then it shows who wrote
    it, which parts were frozen, what a rescue needs, and the command.

    \b
    Examples:
      bert-bundle inspect ticket-router
      bert-bundle inspect ticket-router --json | jq .labels
      bert-bundle inspect my_bert_classifier_keras
    """
    from bert_bundle import api
    from bert_bundle.host.report.documents import bundles as documents
    from bert_bundle.host.report.results import Inspection
    from bert_bundle.host.report.text import bundles as text

    if is_old_model(bundle):
        from bert_bundle.rescuing.description import describe

        return options.result(describe(bundle), document=documents.old_model, text=text.old_model)
    found = Inspection(bundle=bundle, manifest=api.inspect(str(bundle)).to_json())
    return options.result(found, document=documents.manifest, text=text.manifest)


@click.command()
@click.argument("bundle", type=BUNDLE)
@discarding
@existing
@common
def verify(options: Options, bundle: Path, interpreters: tuple[Path, ...]) -> CommandResult:
    """Replay the recorded examples of a bundle and compare.

    Runs in this interpreter if it can load bundles: with TensorFlow and a transformers that has TensorFlow classes, or
    with Keras 3 and a backend. Otherwise runs in the environment of the matrix that is nearest to the one that wrote
    BUNDLE. With --python it runs in that environment instead. The result names the environment.

    \b
    Examples:
      bert-bundle verify ticket-router
      bert-bundle verify ticket-router --json | jq .grade
      bert-bundle verify ticket-router --python /srv/venv/bin/python
    """
    from bert_bundle import api
    from bert_bundle.host.environments.existing import existing_environments
    from bert_bundle.host.environments.nearest import written_by
    from bert_bundle.host.operations.chosen_environments import here_or_nearest
    from bert_bundle.host.report.documents import runs as documents
    from bert_bundle.host.report.text import runs as text
    from bert_bundle.host.runs import run

    if len(interpreters) > 1:
        raise ConfigError("verify replays in one environment", place="--python", wanted="one", found=len(interpreters))
    packages, _ = written_by(api.inspect(str(bundle)))
    there = existing_environments(interpreters)
    reader = there[0] if there else here_or_nearest(options, packages, "verifying")
    verdict = run.verify(bundle, reader, progress=options.progress, options=options.run_options)
    code = AS_EXPECTED if verdict.as_expected else NOT_AS_EXPECTED
    return options.result(verdict, document=documents.verification, text=text.verification, exit_code=code)


@click.command()
@click.argument("a", type=BUNDLE)
@click.argument("b", type=BUNDLE)
@common
def diff(options: Options, a: Path, b: Path) -> CommandResult:
    """Show what differs between two bundles.

    Compares weights, configuration, graph, inputs and labels, tokenizer, and behaviour: the recorded predictions of the
    examples that both bundles have. If each release is saved with the same examples, this shows what changed, text by
    text. Does not need TensorFlow. Ends with 1 if A and B differ in more than who wrote them.

    \b
    Examples:
      bert-bundle diff ticket-router-1 ticket-router-2
      bert-bundle diff ticket-router-1 ticket-router-2 --json | jq .labels_changed
    """
    from bert_bundle.host.operations.diff import diff as compare
    from bert_bundle.host.report.documents import bundles as documents
    from bert_bundle.host.report.text import bundles as text

    found = compare(a, b)
    code = AS_EXPECTED if found.same else NOT_AS_EXPECTED
    return options.result(found, document=documents.comparison, text=text.comparison, exit_code=code)
