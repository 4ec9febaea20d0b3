"""The command that checks whether an environment will work, from versions alone."""

import click

from bert_bundle.errors import AS_EXPECTED, NOT_AS_EXPECTED
from bert_bundle.host.commands.command_result import CommandResult
from bert_bundle.host.commands.options import Options, common, selection


@click.command()
@selection
@common
def doctor(options: Options, names: tuple[str, ...], groups: tuple[str, ...]) -> CommandResult:
    """Check environments for known breakages.

    Lists each known breakage of the installed packages, why it happens and how to fix it. Reads the packages' metadata
    only: it takes less than a second and imports none of them. Without --env and --groups it checks this interpreter.
    An environment of the matrix is checked by its lock file, so it does not have to be installed. Ends with 1 if an
    environment works in none of its runtimes and the matrix file does not expect that.

    \b
    Examples:
      bert-bundle doctor
      bert-bundle doctor --env 'tf2.1*'
      bert-bundle doctor --groups broken --json
    """
    from bert_bundle.host.environments.doctor import diagnose_interpreter, diagnose_row
    from bert_bundle.host.report.documents import environments as documents
    from bert_bundle.host.report.text import environments as text

    if names or groups:
        matrix = options.matrix
        rows = matrix.select(groups=groups, names=names)
        found = [diagnose_row(row, options.locks, matrix.expect) for row in rows]
    else:
        found = [diagnose_interpreter()]
    code = AS_EXPECTED if all(diagnosis.as_expected for diagnosis in found) else NOT_AS_EXPECTED
    return options.result(found, document=documents.doctor, text=text.doctor, exit_code=code)
