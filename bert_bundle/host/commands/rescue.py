"""The command that makes a bundle of a file of Keras."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bert_bundle.errors import AS_EXPECTED, NOT_AS_EXPECTED, ConfigError
from bert_bundle.host.commands.command_result import CommandResult
from bert_bundle.host.commands.options import Options, common

if TYPE_CHECKING:
    from bert_bundle.host.environments.environment import ReadyEnvironment
    from bert_bundle.keras_files.stored_model import StoredModel


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, metavar="BUNDLE", help="Write it here.")
@click.option(
    "--config",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="The folder with the encoder's config.json, and its tokenizer; default: PATH, and the folders beside it.",
)
@click.option(
    "--tokenizer",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="The folder that tokenizer.save_pretrained wrote; default: as of --config.",
)
@click.option("--labels", metavar="A,B,...", help="Names of the classes, in the order of the outputs.")
@click.option(
    "--reference",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="An .npz file of what the original predicted: an array for each input by its name, and `predictions`.",
)
@click.option("--unproven", is_flag=True, help="End with 0 although nothing tells what the original predicted.")
@click.option("--env", metavar="ID", help="The environment that builds the model; default: this one, or the nearest.")
@click.option("--force", is_flag=True, help="Replace a bundle at --out.")
@common
def rescue(
    options: Options,
    path: Path,
    out: Path,
    config: Path | None,
    tokenizer: Path | None,
    labels: str | None,
    reference: Path | None,
    unproven: bool,
    env: str | None,
    force: bool,
) -> CommandResult:
    """Make a bundle of a model that Keras saved.

    PATH is a SavedModel folder, an .h5 file or a .keras archive of Keras 2; its bytes tell which, not its name. Nothing
    in it is executed: the architecture is read from its configuration, the weights by their names. A SavedModel holds
    the function that it was served by, and the bundle must predict what that computes. For other files give
    --reference: without it the bundle is not proven against the original, and the command ends with 1 unless
    --unproven.

    \b
    Examples:
      bert-bundle rescue my_bert_classifier_keras --config my_bert_classifier -o classifier
      bert-bundle rescue model.h5 --tokenizer my_bert_classifier --reference noted.npz -o classifier
    """
    from bert_bundle.host.report.documents import bundles as documents
    from bert_bundle.host.report.results import RescuedBundle
    from bert_bundle.host.report.text import bundles as text
    from bert_bundle.keras_files import keras_models

    for option, given in {"PATH": path, "--config": config, "--tokenizer": tokenizer, "--reference": reference}.items():
        if given is not None and not given.exists():
            raise ConfigError(f"{option} does not exist", place=given)
    stored = keras_models.read(path)
    environment = _builder(options, stored, env)
    answer = _rescued(
        options,
        environment,
        stored,
        {
            "target": str(out.absolute()),
            "tokenizer": _absolute(tokenizer),
            "config": _absolute(config),
            "labels": labels.split(",") if labels else None,
            "reference": _absolute(reference),
            "overwrite": force,
        },
    )
    found = RescuedBundle(
        source=path,
        kind=stored.kind,
        versions=dict(stored.versions),
        bundle=out,
        environment=environment.id,
        digest=answer["digest"],
        findings=answer["findings"],
        witness=answer["witness"],
    )
    code = AS_EXPECTED if found.witness or unproven else NOT_AS_EXPECTED
    return options.result(found, document=documents.rescued, text=text.rescued, exit_code=code)


def _builder(options: Options, stored: StoredModel, env: str | None) -> ReadyEnvironment:
    """Return the environment that was named, this interpreter if it can load bundles, or the nearest to the writer."""
    from bert_bundle.host.environments.nearest import can_load, nearest, this_interpreter

    if env:
        rows = options.matrix.select(names=[env])
        if len(rows) != 1:
            raise ConfigError(
                "--env names several environments", place="--env", found=", ".join(row.id for row in rows)
            )
        return options.make(rows[0])
    here = this_interpreter()
    if can_load(here):
        return here
    row = nearest(options.matrix.loading, dict(stored.versions))
    options.progress(f"this interpreter has no Keras: rescuing in {row.id}, the nearest to what wrote {stored.source}")
    return options.make(row)


def _rescued(
    options: Options, environment: ReadyEnvironment, stored: StoredModel, arguments: dict[str, Any]
) -> dict[str, Any]:
    """Have a worker build, compare and save the model; return its answer."""
    from bert_bundle.host.runs.run_job import named_progress
    from bert_bundle.keras_files import stored_model

    with tempfile.TemporaryDirectory() as folder, options.run_options.worker(environment, "rescue") as worker:
        if stored.serving is None:
            stored_model.write(stored, Path(folder))
        record = "" if stored.serving is not None else folder
        say = named_progress(worker, options.progress)
        return worker.ask("rescue", say, source=stored.path, stored=record, **arguments)


def _absolute(path: Path | None) -> str | None:
    return str(path.absolute()) if path else None
