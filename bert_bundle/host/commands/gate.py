"""The command that decides whether a release may ship."""

from pathlib import Path

import click

from bert_bundle.errors import AS_EXPECTED, NOT_AS_EXPECTED
from bert_bundle.host.commands.command_result import CommandResult
from bert_bundle.host.commands.options import Options, common, discarding, existing, remembering, with_report_files
from bert_bundle.host.commands.travel.bundle_argument import BUNDLE

OUT = Path("verdict.json")


@click.command()
@click.argument("candidate", type=BUNDLE, required=False)
@click.option(
    "--baseline",
    type=BUNDLE,
    metavar="BUNDLE",
    help="The release that is deployed now, to compare with.",
)
@click.option(
    "--policy",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="What a release must fulfil; default: the policy that --print-policy prints.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The file for the decision; default: verdict.json in the current folder.",
)
@click.option(
    "--require",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Check nothing anew: read this decision, and end with 0 if it lets CANDIDATE ship.",
)
@click.option("--print-policy", is_flag=True, help="Print the default policy, with a comment on every line, and exit.")
@discarding
@existing
@with_report_files
@remembering
@common
def gate(
    options: Options,
    candidate: Path | None,
    baseline: Path | None,
    policy: Path | None,
    out: Path | None,
    require: Path | None,
    print_policy: bool,
    interpreters: tuple[Path, ...],
) -> CommandResult:
    """Decide whether a release may ship.

    Checks CANDIDATE against the policy: it is undamaged and its save was proven; it replays as recorded in the
    environment nearest to its writer, in those where it will run, and in those of --python; its labels, on the examples
    that both bundles recorded, are the baseline's or better; its size and load time are within budget; its metadata is
    complete. Writes the decision, with every reason, to --out. Ends with 0 if it ships, 1 if it is refused, 3 if a
    check did not run, 4 if an environment could not be made.

    A deploy step calls it with --require, which takes less than a second: it ends with 0 if the decision in FILE is
    about this very bundle (and made by --policy, if given) and lets it ship, otherwise with 1.

    \b
    Examples:
      bert-bundle gate ticket-router-2 --baseline ticket-router-1
      bert-bundle gate --print-policy
      bert-bundle gate ticket-router-2 --baseline ticket-router-1 --policy gate.yaml --out verdict.json
      bert-bundle gate ticket-router-2 --require verdict.json
    """
    context = click.get_current_context()
    if context.params.get("wanted") and (print_policy or require is not None):
        raise click.UsageError("--report cannot be combined with --require or --print-policy", context)
    if print_policy:
        from bert_bundle.host.config.gate_policy import DEFAULT

        return CommandResult(text=DEFAULT.read_text("utf-8"))
    if candidate is None:
        raise click.UsageError("Missing argument 'CANDIDATE'.", context)
    if require is not None:
        if baseline is not None or out is not None or interpreters:
            raise click.UsageError("--require cannot be combined with --baseline, --out or --python", context)
        return _require(options, candidate, require, policy)
    return _decide(options, candidate, baseline, policy, out or OUT, interpreters)


def _decide(
    options: Options,
    path: Path,
    baseline: Path | None,
    policy: Path | None,
    out: Path,
    interpreters: tuple[Path, ...],
) -> CommandResult:
    """Run every check, write the decision, and report it."""
    from bert_bundle.host.operations import gate as operation
    from bert_bundle.host.report.reports import GateReport

    found = operation.gate(options, path, baseline=baseline, policy=policy, out=out, interpreters=interpreters)
    return options.reported(GateReport(gate=found, decision_file=out), found.exit_code)


def _require(options: Options, path: Path, decision: Path, policy_file: Path | None) -> CommandResult:
    """Check that the decision lets the bundle at `path` ship."""
    from bert_bundle.format.open_bundle import check_files, open_bundle
    from bert_bundle.host.gate import decision_file
    from bert_bundle.host.report.documents import gate as documents
    from bert_bundle.host.report.results import Requirement
    from bert_bundle.host.report.text import gate as text

    record = decision_file.read(decision)
    policy = None
    if policy_file is not None:
        from bert_bundle.host.config.gate_policy import read_policy

        policy = read_policy(policy_file).digest
    bundle = open_bundle(str(path))
    check_files(bundle)
    digest = bundle.manifest.digest
    objection = decision_file.objection(record, digest, policy)
    found = Requirement(decision_file=decision, candidate=digest, objection=objection)
    code = NOT_AS_EXPECTED if objection else AS_EXPECTED
    return options.result(found, document=documents.requirement, text=text.requirement, exit_code=code)
