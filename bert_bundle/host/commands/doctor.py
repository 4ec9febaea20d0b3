"""The command that checks whether an environment will work, from versions alone, or what an old model needs."""

from __future__ import annotations

from pathlib import Path

import click

from bert_bundle.errors import AS_EXPECTED, NOT_AS_EXPECTED, ConfigError
from bert_bundle.host.commands.command_result import CommandResult
from bert_bundle.host.commands.options import Options, common, selection


@click.command()
@click.argument("path", type=click.Path(path_type=Path), required=False)
@selection
@common
def doctor(options: Options, path: Path | None, names: tuple[str, ...], groups: tuple[str, ...]) -> CommandResult:
    """Check environments for known breakages, or an old model.

    Lists each known breakage of the installed packages, why it happens and how to fix it. Reads the packages' metadata
    only: it takes less than a second and imports none of them. Without --env and --groups it checks this interpreter.
    An environment of the matrix is checked by its lock file, so it does not have to be installed. Ends with 1 if an
    environment works in none of its runtimes and the matrix file does not expect that.

    With PATH, a model that Keras, TensorFlow or transformers saved, it shows what `inspect` does, and ends with 1 if a
    rescue needs more than is there.

    \b
    Examples:
      bert-bundle doctor
      bert-bundle doctor --env 'tf2.1*'
      bert-bundle doctor --groups broken --json
      bert-bundle doctor my_bert_classifier_keras
    """
    from bert_bundle.host.operations import doctor as operation
    from bert_bundle.host.report.documents import environments as documents
    from bert_bundle.host.report.text import environments as text

    if path is not None:
        return _of_model(options, path, bool(names or groups))
    found = operation.doctor(options, names=names, groups=groups)
    code = AS_EXPECTED if found.ok else NOT_AS_EXPECTED
    return options.result(found.environments, document=documents.doctor, text=text.doctor, exit_code=code)


def _of_model(options: Options, path: Path, selects: bool) -> CommandResult:
    from bert_bundle.host.report.documents import bundles as documents
    from bert_bundle.host.report.text import bundles as text
    from bert_bundle.rescuing.description import describe

    if selects:
        raise ConfigError("PATH is checked without environments", place="PATH", fix="leave out --env and --groups")
    found = describe(path)
    code = NOT_AS_EXPECTED if found.needs or found.refused else AS_EXPECTED
    return options.result(found, document=documents.old_model, text=text.old_model, exit_code=code)
