"""The demo: a small classifier trained, saved, verified and audited; what a first user runs first."""

from pathlib import Path

import click

from bert_bundle.errors import AS_EXPECTED, NOT_AS_EXPECTED, ConfigError
from bert_bundle.format.staging import check_target
from bert_bundle.host.commands.options import CommandResult, Options, common, reported
from bert_bundle.host.demo.recipe import recipe
from bert_bundle.host.environments.environment import ReadyEnvironment
from bert_bundle.host.environments.prepare import FailedEnvironment, prepare
from bert_bundle.host.report import json, junit, markdown, text
from bert_bundle.host.report.terminal import Style
from bert_bundle.host.runs import run
from bert_bundle.host.runs.cell_workers import saved_by_worker
from bert_bundle.host.runs.run_job import named_progress
from bert_bundle.host.workers.worker import Progress, Worker

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
    help="Where the bundle goes.",
)
@click.option("--force", is_flag=True, help="Replace the bundle at --out.")
@reported
@common
def demo(options: Options, encoder: str, out: Path, force: bool) -> CommandResult:
    """Train a small classifier on text, save it, verify it, audit it in three environments.

    Training runs in an environment of the matrix: this interpreter needs no TensorFlow. The first run installs the
    environments (about 500 MB each). With --force a bundle at --out is replaced once the new one is complete;
    anything that is not a bundle is never replaced.

    \b
    Examples:
      bert-bundle demo
      bert-bundle demo --encoder minilm --out review-classifier
    """
    rows = options.matrix.select(groups=(GROUP,))
    _check_free(out, force)
    todo = recipe(encoder, options.progress)
    places = prepare(rows, options.locks, progress=options.progress)
    trainer = places[len(places) // 2]
    if isinstance(trainer, FailedEnvironment):
        raise trainer.error
    accuracy = _train(trainer, todo, out, force, options.progress)
    options.progress(f"saved {out}, accuracy {accuracy:.1%}")
    verdict = run.verify(out, trainer, progress=options.progress, terms=options.terms)
    found = run.audit(out, places, executor=options.executor, progress=options.progress, terms=options.terms)

    failed = AS_EXPECTED if verdict.as_expected else NOT_AS_EXPECTED

    def shown(style: Style) -> str:
        return (
            f"trained in {trainer.id}, saved as {out}: accuracy {accuracy:.1%}\n"
            f"verified in a fresh process: {verdict.grade}\n\n{text.audit(found, style)}\n"
            f"next: bert-bundle inspect {out}\n      bert-bundle audit {out}\n      bert-bundle matrix run\n"
        )

    reports = {
        "junit": lambda: junit.run(found),
        "markdown": lambda: markdown.demo(out, accuracy, verdict, found),
    }
    return options.answer(lambda: json.demo(out, accuracy, verdict, found), shown, found.exit_code or failed, reports)


def _check_free(out: Path, force: bool) -> None:
    check_target(str(out), overwrite=True)
    if out.exists() and not force:
        raise ConfigError(
            "there is a bundle already", place=out, wanted="a new folder", fix="pass --force, or another --out"
        )


def _train(trainer: ReadyEnvironment, todo: dict[str, object], out: Path, force: bool, progress: Progress) -> float:
    """Have a worker train and save the bundle to `out`; return its accuracy on held-out text."""
    with Worker(trainer, "trainer") as worker:
        say = named_progress(worker, progress)
        saved = saved_by_worker(worker, "train", out, progress=say, recipe=todo, overwrite=force)
    return float(saved.answer["accuracy"])
