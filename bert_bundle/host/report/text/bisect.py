"""The result of a bisection as text: the upgrade first, then how it was found."""

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from bert_bundle.errors import printable
from bert_bundle.host.report import numbers, terminal, wording
from bert_bundle.host.report.style import Style
from bert_bundle.host.runs.verdict import FIRST_LAYER
from bert_bundle.host.upgrades.bisect import Bisection, FirstRelease
from bert_bundle.host.upgrades.package_differences import Unit
from bert_bundle.host.upgrades.trials import TrialResult

_FEW = 3  # upgrades that a row of the table names


def bisection(found: Bisection, style: Style) -> str:
    """Return the smallest set of upgrades that changes the predictions, why they belong together, and the steps."""
    ends = {
        "bundle": found.bundle,
        "good": f"{found.good.reader}: {found.good.grade}, {found.good.reason}",
        "bad": f"{found.bad.reader}: {found.bad.grade}, {found.bad.reason}",
        FIRST_LAYER: found.bad.first_layer,
        "float64 tolerance": f"{found.tolerance:.1e}",
    }
    differ = Text(f"{found.changes} packages differ, in {len(found.units)} upgrades")
    return terminal.render(
        style,
        terminal.facts(ends),
        differ,
        Text(),
        *_answer(found),
        Text(),
        _steps(found.steps, len(found.units)),
        *_released(found.release),
        Text(),
        *_end(found),
    )


def _answer(found: Bisection) -> Iterator[RenderableType]:
    if not found.culprits:
        yield Text(f"interrupted after {len(found.steps)} steps: no upgrade is found yet", style="bold red")
        return
    one = len(found.culprits) == 1
    title = "the upgrade that changes the predictions:" if one else "the upgrades that change them together:"
    yield Text(title, style=f"bold {terminal.colour(found.exact)}")
    for group in found.culprits:
        for unit in group:
            yield from _unit(unit)
        if len(group) > 1:
            yield Text(
                f"  these {len(group)} could not be told apart: every mixture with only some of them is unresolved"
            )
    for unit in found.needed:
        yield Text(f"needed by it, and changes nothing on its own: {printable('; '.join(map(str, unit.changes)))}")


def _unit(unit: Unit) -> Iterator[RenderableType]:
    for change in unit.changes:
        yield Text(f"  {printable(change)}")
    if len(unit.changes) > 1:
        yield Text("  these can only be upgraded together:")
        for why in dict.fromkeys(need.why for need in unit.together):
            yield Padding(terminal.plain(why), (0, 0, 0, 4))


def _steps(steps: Sequence[TrialResult], of: int | None = None) -> RenderableType:
    headings = ["step", "upgraded", "answer", "grade", "float64", "first layer", "time"]
    table = terminal.table(headings, drop=("time", "first layer", "float64"), fold=("upgraded", "first layer"))
    for number, step in enumerate(steps, 1):
        names = ", ".join(step.upgraded)
        shown = names if len(step.upgraded) <= _FEW else f"{len(step.upgraded)} of {of}"
        verdict = step.verdict
        table.add_row(
            str(number),
            terminal.plain(shown),
            Text(step.answer),
            terminal.plain(verdict.grade),
            Text(numbers.figure(verdict.float64_difference)),
            terminal.plain(verdict.first_layer or ""),
            Text(f"{verdict.seconds:.0f} s"),
        )
    return table


def _released(release: FirstRelease | None) -> Iterator[RenderableType]:
    if release is None:
        return
    name, good, bad = map(printable, (release.package, release.last_good, release.first_bad))
    yield Text()
    if release.exact:
        yield Text(f"the first release that changes them: {name} {bad}, after {good}", style="bold green")
    else:
        yield Text(f"between {name} {good} and {bad}: every release between them is unresolved", style="bold red")
    moved = ", ".join(printable(change) for change in release.package_changes)
    yield Text(f"  changed with it: {moved or 'nothing'}")
    if release.steps:
        yield _steps(release.steps)


def _end(found: Bisection) -> Iterator[RenderableType]:
    tried = [*found.steps, *(found.release.steps if found.release else ())]
    for step in tried:
        if step.answer == "unresolved":
            verdict = step.verdict
            what = ", ".join(step.upgraded) if len(step.upgraded) <= _FEW else f"{len(step.upgraded)} upgrades"
            yield Text.assemble((verdict.grade, "bold red"), f"  {printable(what)}: {printable(verdict.reason)}")
    if found.exhausted:
        yield Text("stopped: the most environments that may be tried were tried")
    words = wording.interrupted(f"{found.environments} environments", found.interrupted)
    yield Text(words, style=f"bold {terminal.colour(found.exit_code == 0)}")
