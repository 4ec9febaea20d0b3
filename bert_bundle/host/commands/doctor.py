"""The command that says whether an environment will work, before anything is imported in it."""

import click

from bert_bundle.errors import AS_EXPECTED, NOT_AS_EXPECTED
from bert_bundle.host.commands.options import CommandResult, Options, common, selection
from bert_bundle.host.environments.doctor import diagnose_interpreter, diagnose_row
from bert_bundle.host.report import json, text


@click.command()
@selection
@common
def doctor(options: Options, names: tuple[str, ...], groups: tuple[str, ...]) -> CommandResult:
    """Will this environment work? Each known breakage of its packages, why, and what to do about it.

    From the packages' metadata, in under a second; nothing is imported. Without a selection it is this interpreter that
    is looked at; an environment of the matrix is looked at by its lock, so it need not be made. Ends with 1 where one
    works in no runtime it is asked for, and the matrix file does not say so.

    \b
    Examples:
      bert-bundle doctor
      bert-bundle doctor --env 'tf2.1*'
      bert-bundle doctor --groups broken --json
    """
    if names or groups:
        matrix = options.matrix
        rows = matrix.select(groups=groups, names=names)
        found = [diagnose_row(row, options.locks, matrix.expect) for row in rows]
    else:
        found = [diagnose_interpreter()]
    code = AS_EXPECTED if all(checkup.as_expected for checkup in found) else NOT_AS_EXPECTED
    return options.answer(lambda: json.doctor(found), lambda style: text.doctor(found, style), code)
