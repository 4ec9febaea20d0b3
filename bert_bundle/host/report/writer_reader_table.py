"""A run as a square of writers and readers: owns who is in it and the sign of each place, not how it is drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from bert_bundle.host.runs.run import Run
from bert_bundle.host.runs.verdict import MEANING, Grade, Verdict

# One character each: a square of nineteen environments still fits a terminal.
SIGNS = MappingProxyType[Grade, str](
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
    """Writers (down), readers (across), and between them the worst of each pair's verdicts.

    A reader that only refused, as is expected of it, is one of `refused` and has no column.
    """

    run: Run

    @cached_property
    def numbers(self) -> dict[str, str]:
        """Environment -> its number among all of the run."""
        return {place.id: str(number) for number, place in enumerate(self.run.environments, 1)}

    @cached_property
    def writers(self) -> list[str]:
        """In the order of the run."""
        return list(dict.fromkeys(v.writer for v in self.run.verdicts))

    @cached_property
    def refused(self) -> list[str]:
        """The readers that refused every bundle and were expected to."""
        others = {v.reader for v in self.run.verdicts if v.grade != "refused" or not v.as_expected}
        return [name for name in dict.fromkeys(v.reader for v in self.run.verdicts) if name not in others]

    @cached_property
    def readers(self) -> list[str]:
        """Those that have a column, in the order of the run."""
        return [name for name in dict.fromkeys(v.reader for v in self.run.verdicts) if name not in self.refused]

    @cached_property
    def grades(self) -> list[Grade]:
        """Those that somebody with a column got, from best to worst."""
        there = {v.grade for v in self.run.verdicts if v.reader in self.readers}
        return [grade for grade in MEANING if grade in there]

    def sign(self, writer: str, reader: str) -> tuple[str, bool]:
        """Of the worst grade of a pair, and whether all of its verdicts are as expected."""
        verdicts = self._pairs[writer, reader]
        return SIGNS[worst(verdicts).grade], all(v.as_expected for v in verdicts)

    @cached_property
    def _pairs(self) -> dict[tuple[str, str], list[Verdict]]:
        found: dict[tuple[str, str], list[Verdict]] = {}
        for v in self.run.verdicts:
            found.setdefault((v.writer, v.reader), []).append(v)
        return found


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    """The first of the worst grade."""
    return max(verdicts, key=severity)


def severity(verdict: Verdict) -> int:
    """The place of a grade between best and worst."""
    return _WORST_LAST.index(verdict.grade)
