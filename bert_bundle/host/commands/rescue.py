"""The command that makes a bundle of a stored model."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bert_bundle.errors import AS_EXPECTED, NOT_AS_EXPECTED, BertBundleError, ConfigError
from bert_bundle.host.commands.command_result import CommandResult
from bert_bundle.host.commands.options import Options, common, discarding

if TYPE_CHECKING:
    from bert_bundle.host.environments.environment import ReadyEnvironment
    from bert_bundle.keras_files.stored_model import StoredModel
    from bert_bundle.rescuing.sources import Sources

_UNKNOWN = (
    "2.15.1"  # TensorFlow, where a file names no version: the last with a Keras 2 of its own, which writes each kind
)


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
    help="An .npz or JSON file of what the original predicted: an array for each input by its name, and `predictions`.",
)
@click.option(
    "--build",
    metavar="MODULE:FUNCTION",
    help="A function in a module of the current folder that returns the model, for weights alone or a file whose "
    "model is refused. It is run, in a worker.",
)
@click.option(
    "--input",
    "roles",
    multiple=True,
    metavar="NAME=ROLE",
    help="What an input is fed with, where its name and its place disagree: input_ids, attention_mask, token_type_ids "
    "or feature. Can be given several times.",
)
@click.option("--max-length", type=click.IntRange(min=2), metavar="N", help="Tokens that a text is cut to.")
@click.option("--unproven", is_flag=True, help="End with 0 although nothing tells what the original predicted.")
@click.option("--env", metavar="ID", help="The environment that builds the model; default: this one, or the nearest.")
@click.option("--force", is_flag=True, help="Replace a bundle at --out.")
@discarding
@common
def rescue(
    options: Options,
    path: Path,
    out: Path,
    config: Path | None,
    tokenizer: Path | None,
    labels: str | None,
    reference: Path | None,
    build: str | None,
    roles: tuple[str, ...],
    max_length: int | None,
    unproven: bool,
    env: str | None,
    force: bool,
) -> CommandResult:
    """Make a bundle of an old model.

    PATH is what Keras 2, TensorFlow or transformers wrote: a SavedModel folder, an .h5 file, a .keras archive, a folder
    of transformers with a head, weights alone (.weights.h5, .h5, a checkpoint's prefix) with --build, or a folder with
    one of these. Its bytes tell which, not its name. Nothing in it is executed: the architecture is read from its
    configuration, the weights by their names. A SavedModel holds the function that it was served by: the architecture
    of a model of code is read off it, and the bundle must predict what it computes. For other files give --reference:
    without it the bundle is not proven against the original, and the command ends with 1 unless --unproven.

    \b
    Examples:
      bert-bundle rescue my_bert_classifier_keras --config my_bert_classifier -o classifier
      bert-bundle rescue model.h5 --tokenizer my_bert_classifier --reference noted.npz -o classifier
      bert-bundle rescue my_model.weights.h5 --build train:make_model --reference noted.json -o classifier
    """
    from bert_bundle.format.model_kinds import kind_of
    from bert_bundle.host.report.documents import bundles as documents
    from bert_bundle.host.report.results import RescuedBundle
    from bert_bundle.host.report.text import bundles as text
    from bert_bundle.keras_files.read import read
    from bert_bundle.rescuing.location import model_at
    from bert_bundle.rescuing.sources import Sources

    for option, given in {"PATH": path, "--config": config, "--tokenizer": tokenizer, "--reference": reference}.items():
        if given is not None and not given.exists() and not (given == path and kind_of(path)):
            raise ConfigError(f"{option} does not exist", place=given)
    stored = read(model_at(path))
    environment = _builder(options, stored, Sources(stored, config, tokenizer), env)
    answer = _rescued(
        options,
        environment,
        stored,
        target=out,
        tokenizer=_absolute(tokenizer),
        config=_absolute(config),
        labels=labels.split(",") if labels else None,
        reference=_absolute(reference),
        max_length=max_length,
        inputs=_roles(roles),
        overwrite=force,
        build=build,
        path=[str(Path.cwd())] if build else [],
    )
    found = RescuedBundle(
        source=Path(stored.path),
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


def _roles(given: tuple[str, ...]) -> dict[str, str] | None:
    roles = dict(text.partition("=")[::2] for text in given)
    if not all(roles.values()):
        raise ConfigError("--input without a role", place="--input", wanted="NAME=ROLE", found=", ".join(given))
    return roles or None


def _builder(options: Options, stored: StoredModel, sources: Sources, env: str | None) -> ReadyEnvironment:
    """Return the environment that was named, or else this interpreter or the nearest to the writer."""
    from bert_bundle.host.operations.chosen_environments import here_or_nearest, locked_row

    if env:
        return options.make(locked_row(options, env, "--env").environment)
    return here_or_nearest(options, _writer(stored, sources), "rescuing")


def _writer(stored: StoredModel, sources: Sources) -> dict[str, str]:
    """Return the packages that wrote a model, as far as it and the configuration beside it name them."""
    from bert_bundle.keras_files.source_files import transformers_version

    found = dict(stored.versions)
    if "tensorflow" not in found:  # whose releases have the numbers of Keras 2
        keras = found.get("keras", "")
        found["tensorflow"] = keras if keras.startswith("2.") else _UNKNOWN
    if "transformers" not in found:
        with contextlib.suppress(BertBundleError):  # several, or none that can be read
            found["transformers"] = transformers_version(sources.encoder_config()) or ""
    return {package: version for package, version in found.items() if version}


def _rescued(options: Options, environment: ReadyEnvironment, stored: StoredModel, **arguments: Any) -> dict[str, Any]:
    """Have a worker build, compare and save the model; return its answer."""
    from bert_bundle.host.runs.cell_workers import saved_by_worker
    from bert_bundle.host.runs.run_job import named_progress
    from bert_bundle.keras_files import stored_model

    with tempfile.TemporaryDirectory() as folder, options.run_options.worker(environment, "rescue") as worker:
        record = ""
        if stored.serving is None:  # read here, since HDF5 needs a package that environments do not have
            stored_model.write(stored, Path(folder))
            record = folder
        say = named_progress(worker, options.progress)
        return saved_by_worker(worker, "rescue", progress=say, source=stored.path, stored=record, **arguments).answer


def _absolute(path: Path | None) -> str | None:
    return str(path.absolute()) if path else None
