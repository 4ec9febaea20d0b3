"""The table of a run's writers and readers: owns who is in it and the sign of each pair, not how it is drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from bert_bundle.host.runs.run import Run
from bert_bundle.host.runs.verdict import MEANING, CellGrade, Verdict, known_reason

# One character each, so that a table of nineteen environments fits a terminal.
SIGNS = MappingProxyType[CellGrade, str](
    {
        "bitwise": "=",
        "identical": "~",
        "drift": "D",
        "flip": "F",
        "retokenized": "T",
        "reconfigured": "C",
        "refused": "R",
        "crashed": "X",
        "timeout": "O",
        "not run": "-",
    }
)
_WORST_LAST = tuple(MEANING)


@dataclass(frozen=True, kw_only=True)
class WriterReaderTable:
    """Writers (down), readers (across), and the worst verdict of each pair.

    A reader that refused every bundle, as expected, is listed in `refused` and has no column. What a reader refused as
    expected beside others is not the worst of a pair: `refusals` has it.
    """

    run: Run

    @cached_property
    def numbers(self) -> dict[str, str]:
        """Return the number of each environment of the run."""
        return {place.id: str(number) for number, place in enumerate(self.run.environments, 1)}

    @cached_property
    def writers(self) -> list[str]:
        """Return the writers in the order of the run."""
        return list(dict.fromkeys(v.writer for v in self.run.verdicts))

    @cached_property
    def refused(self) -> list[str]:
        """Return the readers that refused every bundle and were expected to."""
        others = {v.reader for v in self.run.verdicts if v.grade != "refused" or not v.as_expected}
        return [name for name in dict.fromkeys(v.reader for v in self.run.verdicts) if name not in others]

    @cached_property
    def readers(self) -> list[str]:
        """Return the readers that have a column, in the order of the run."""
        return [name for name in dict.fromkeys(v.reader for v in self.run.verdicts) if name not in self.refused]

    @cached_property
    def only_readers(self) -> list[str]:
        """Return the readers that have a column and no row."""
        return [name for name in self.readers if name not in self.writers]

    @cached_property
    def grades(self) -> list[CellGrade]:
        """Return the grades of the readers that have a column, from best to worst."""
        given = {v.grade for (_, reader), pair in self._pairs.items() if reader in self.readers for v in pair}
        return [grade for grade in MEANING if grade in given]

    @cached_property
    def refusals(self) -> list[Verdict]:
        """Return the verdicts of refusals that were expected, of readers that have a column."""
        return [v for v in self.run.verdicts if known_reason(v) and v.reader in self.readers]

    def sign(self, writer: str, reader: str) -> tuple[str, bool]:
        """Return the sign of a pair's worst grade, and whether all of its verdicts are as expected."""
        verdicts = self._pairs[writer, reader]
        return SIGNS[worst(verdicts).grade], all(v.as_expected for v in verdicts)

    @cached_property
    def _pairs(self) -> dict[tuple[str, str], list[Verdict]]:
        found: dict[tuple[str, str], list[Verdict]] = {}
        for v in self.run.verdicts:
            found.setdefault((v.writer, v.reader), []).append(v)
        return {pair: [v for v in each if not known_reason(v)] or each for pair, each in found.items()}


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the first verdict of the worst grade."""
    return max(verdicts, key=severity)


def severity(verdict: Verdict) -> int:
    """Return the position of a verdict's grade from best to worst."""
    return _WORST_LAST.index(verdict.grade)
