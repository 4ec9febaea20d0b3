"""The command that decides whether a release may ship."""

from pathlib import Path

import click

from bert_bundle.api import inspect
from bert_bundle.errors import AS_EXPECTED, NOT_AS_EXPECTED
from bert_bundle.host.commands.options import CommandResult, Options, common, reported
from bert_bundle.host.config.gate_policy import DEFAULT, read_policy
from bert_bundle.host.environments.nearest import nearest, written_by
from bert_bundle.host.environments.prepare import prepare
from bert_bundle.host.gate import decision_file
from bert_bundle.host.gate import gate as gates
from bert_bundle.host.report import json, junit, markdown, text
from bert_bundle.host.runs.run_options import RunOptions

OUT = Path("verdict.json")


@click.command()
@click.argument("candidate", type=click.Path(path_type=Path), required=False)
@click.option("--baseline", type=click.Path(path_type=Path), metavar="BUNDLE", help="The release before this one.")
@click.option("--policy", type=click.Path(path_type=Path), metavar="FILE", help="What is asked of a release.")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE", help="Where the verdict goes; default: verdict.json here."
)
@click.option(
    "--require", type=click.Path(path_type=Path), metavar="FILE", help="Judge nothing: hold this verdict to it."
)
@click.option("--print-policy", is_flag=True, help="Print the default policy, every line explained, and end.")
@reported
@common
def gate(
    options: Options,
    candidate: Path | None,
    baseline: Path | None,
    policy: Path | None,
    out: Path | None,
    require: Path | None,
    print_policy: bool,
) -> CommandResult:
    """May CANDIDATE ship? One answer, every reason, and a verdict that a deploy step can require.

    By the policy: whole and proven; verified in the environment nearest to its writer; audited where it will run; its
    labels beside those of the baseline on the examples that both recorded, those that broke by text; its size and load
    time beside the baseline's; the fields of its card. Ends with 0 where it ships, 1 where it is refused, 3 where a
    check did not run, 4 where an environment could not be made.

    With --require a deploy step asks whether FILE lets this very bundle ship (by --policy, if given): 0 or 1, in a
    moment.

    \b
    Examples:
      bert-bundle gate ticket-router-2 --baseline ticket-router-1
      bert-bundle gate --print-policy
      bert-bundle gate ticket-router-2 --baseline ticket-router-1 --policy gate.yaml --out verdict.json
      bert-bundle gate ticket-router-2 --require verdict.json
    """
    context = click.get_current_context()
    if context.params.get("wanted") and (print_policy or require is not None):
        raise click.UsageError("--report is of a gate that judges: neither --require nor --print-policy", context)
    if print_policy:
        return CommandResult(text=DEFAULT.read_text("utf-8"))
    if candidate is None:
        raise click.UsageError("Missing argument 'CANDIDATE'.", context)
    if require is not None:
        if baseline is not None or out is not None:
            raise click.UsageError("--require judges nothing: neither --baseline nor --out", context)
        return _required(options, candidate, require, policy)
    return _judged(options, candidate, baseline, policy or DEFAULT, out or OUT)


def _judged(options: Options, path: Path, before: Path | None, policy_file: Path, out: Path) -> CommandResult:
    decision_file.clear(out)
    policy = read_policy(policy_file)
    rows = policy.rows(options.matrix, source=policy_file.name)
    candidate = gates.read_checked_bundle(path)
    baseline = None if before is None else gates.read_checked_bundle(before)
    gates.check_comparable(candidate, baseline, policy)
    packages, _ = written_by(candidate.manifest)
    near = nearest(options.matrix.loading, packages)
    needed = [*rows, *([] if near in rows else [near])]
    places = {place.id: place for place in prepare(needed, options.locks, progress=options.progress)}
    found = gates.gate(
        candidate,
        baseline,
        policy,
        nearest=places[near.id],
        environments=[places[row.id] for row in rows],
        executor=options.executor,
        progress=options.progress,
        terms=RunOptions(expect=options.matrix.expect, policy=policy.bounds),
    )
    record = json.gate(found)
    decision_file.write(out, record)
    files = {"junit": lambda: junit.gate(found), "markdown": lambda: markdown.gate(found)}
    return options.answer(lambda: record, lambda style: text.gate(found, out, style), found.exit_code, files)


def _required(options: Options, path: Path, verdict: Path, policy_file: Path | None) -> CommandResult:
    record = decision_file.read(verdict)
    policy = None if policy_file is None else read_policy(policy_file)
    digest = inspect(str(path)).digest
    reason = decision_file.objection(record, digest, policy)
    return options.answer(
        lambda: json.requirement(verdict, digest, reason),
        lambda style: text.requirement(verdict, reason, style),
        NOT_AS_EXPECTED if reason else AS_EXPECTED,
    )
