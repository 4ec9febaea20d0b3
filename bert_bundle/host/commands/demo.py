"""The demo: a small classifier trained, saved, verified and audited; what a first user runs first."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bert_bundle.errors import AS_EXPECTED, NOT_AS_EXPECTED, ConfigError
from bert_bundle.host.commands.command_result import CommandResult
from bert_bundle.host.commands.options import Options, common, discarding, remembering, with_report_files

if TYPE_CHECKING:
    from bert_bundle.host.environments.environment import ReadyEnvironment

GROUP = "demo"


@click.command()
@click.option(
    "--encoder",
    type=click.Choice(["tiny", "minilm"]),
    default="tiny",
    show_default=True,
    help="tiny: trained from scratch on support tickets; minilm: pretrained, on movie reviews.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("bert-bundle-demo"),
    show_default=True,
    help="The folder for the bundle.",
)
@click.option("--force", is_flag=True, help="Replace the bundle at --out.")
@discarding
@with_report_files
@remembering
@common
def demo(options: Options, encoder: str, out: Path, force: bool) -> CommandResult:
    """Train, save, verify and audit a small classifier.

    Training runs in an environment of the matrix, so this interpreter does not need TensorFlow. The audit takes the
    environments of the group demo if the matrix file has it, else all that are not expected to be refused. The first
    run installs them, about 500 MB each. With --force a bundle at --out
    is replaced once the new one is complete; anything else is never replaced.

    \b
    Examples:
      bert-bundle demo
      bert-bundle demo --encoder minilm --out review-classifier
    """
    from bert_bundle.host.demo.recipe import recipe
    from bert_bundle.host.environments.prepare import FailedEnvironment, opened
    from bert_bundle.host.operations.chosen_environments import environments_of, rows_of
    from bert_bundle.host.report.reports import DemoReport
    from bert_bundle.host.runs import run

    rows = options.matrix.select_or_default(default=GROUP)
    _check_free(out, force)
    todo = recipe(encoder, options.progress)
    environments = list(environments_of(options, rows_of(options, rows)))
    middle = len(environments) // 2
    with opened(environments[middle], options.progress) as trainer:
        if isinstance(trainer, FailedEnvironment):
            raise trainer.error
        environments[middle] = trainer
        accuracy = _train(options, trainer, todo, out, force)
        options.progress(f"saved {out}, accuracy {accuracy:.1%}")
        verdict = run.verify(out, trainer, progress=options.progress, options=options.run_options)
        found = run.audit(
            out, environments, executor=options.executor, progress=options.progress, options=options.run_options
        )
    verified = AS_EXPECTED if verdict.as_expected else NOT_AS_EXPECTED
    report = DemoReport(bundle=out, trainer=trainer.id, accuracy=accuracy, verification=verdict, run=found)
    return options.reported(report, found.exit_code or verified)


def _check_free(out: Path, force: bool) -> None:
    from bert_bundle.format.staging import check_target

    check_target(str(out), overwrite=True)
    if out.exists() and not force:
        raise ConfigError(
            "--out is already a bundle", place=out, wanted="a new folder", fix="pass --force, or another --out"
        )


def _train(options: Options, trainer: ReadyEnvironment, recipe: dict[str, object], out: Path, force: bool) -> float:
    """Have a worker train and save the bundle to `out`; return its accuracy on held-out text."""
    from bert_bundle.host.runs.cell_workers import saved_by_worker
    from bert_bundle.host.runs.run_job import named_progress

    with options.run_options.worker(trainer, "trainer") as worker:
        say = named_progress(worker, options.progress)
        saved = saved_by_worker(worker, "train", out, progress=say, recipe=recipe, overwrite=force)
    return float(saved.answer["accuracy"])
