"""The steps of a save, and who is told of them. Does not know what a step does.

Nothing is measured or written unless somebody is told.
"""

import sys
import time
from dataclasses import dataclass
from typing import Callable, Dict, Optional, Union

CAPTURE, GOLDEN, STAGING, PUBLISHING = "capture", "golden examples", "staging", "publishing"
PROOF_PINNED, PROOF_DEFAULTS = "proof 1 (one thread, no oneDNN)", "proof 2 (every core, default kernels)"
READING, BUILDING, COMPARING = "reading the old model", "building the model", "comparing with the original"

# Steps that take minutes for a large model: that they begin is printed too.
_LONG = frozenset({GOLDEN, PROOF_PINNED, PROOF_DEFAULTS, BUILDING, COMPARING})


@dataclass(frozen=True)
class SaveStep:
    """A step of `save` or `rescue` that begins or has ended.

    bundle   the name of the bundle's folder
    name     "capture", "golden examples", "staging", "proof 1 (...)", "proof 2 (...)" or "publishing", in this order.
             The two proofs run at the same time
    seconds  of wall clock that the step took; None when it begins
    """

    bundle: str
    name: str
    seconds: Optional[float] = None

    def __str__(self) -> str:
        end = "..." if self.seconds is None else "{:.1f} s".format(self.seconds)
        return "{}: {} {}".format(self.bundle, self.name, end)


Told = Callable[[SaveStep], object]
SaveProgress = Union[None, bool, Told]  # None: lines where a person reads standard error


class SaveSteps:
    """Tells somebody, or nobody, when the steps of one save begin and end."""

    def __init__(self, bundle: str, told: Optional[Told]) -> None:
        self._bundle, self._told = bundle, told
        self._began: Dict[str, float] = {}

    def begin(self, name: str) -> None:
        """Tell that a step begins."""
        if self._told is not None:
            self._began[name] = time.monotonic()
            self._told(SaveStep(self._bundle, name))

    def end(self, name: str) -> None:
        """Tell that a step has ended, with its seconds."""
        if self._told is not None:
            self._told(SaveStep(self._bundle, name, time.monotonic() - self._began.pop(name)))

    def then(self, ended: str, name: str) -> None:
        """Tell that one step has ended and the next one begins."""
        self.end(ended)
        self.begin(name)


def steps_of(bundle: str, progress: SaveProgress) -> SaveSteps:
    """Return the steps of a save to `bundle`, told as `progress` asks for: see `api.save`."""
    if callable(progress):
        return SaveSteps(bundle, progress)
    shown = _read_by_a_person() if progress is None else progress
    return SaveSteps(bundle, _print if shown else None)


def _print(step: SaveStep) -> None:
    """Print a line for a step that has ended, and for a long one that begins."""
    if step.seconds is not None or step.name in _LONG:
        sys.stderr.write("bert_bundle: {}\n".format(step))
        sys.stderr.flush()


def _read_by_a_person() -> bool:
    """Return whether standard error is a terminal, or this process the kernel of a notebook."""
    stream = sys.stderr
    return "ipykernel" in sys.modules or (stream is not None and stream.isatty())
