"""The names of the classes that a caller gives to `save`: one list, or a list for each output."""

from dataclasses import dataclass, field
from typing import Dict, List, Mapping, Sequence, Tuple, Union

import numpy as np

from bert_bundle.errors import SignatureError

Labels = Union[None, Sequence[str], Mapping[str, Sequence[str]]]


@dataclass(frozen=True)
class LabelNames:
    """The names of the classes: those of the model, or output name -> its own."""

    common: Tuple[str, ...] = ()
    own: Mapping[str, Tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def read(cls, given: Labels) -> "LabelNames":
        """Return the names as given, not checked."""
        if isinstance(given, Mapping):
            return cls(own={str(output): tuple(names) for output, names in given.items()})
        return cls(tuple(given or ()))

    def of(self, output: str) -> Tuple[str, ...]:
        """Return the names of the classes of an output."""
        return self.own.get(output, self.common)

    @property
    def all(self) -> List[str]:
        """Return every name, as `Manifest.all_labels` does."""
        return [*self.common, *("{}: {}".format(o, name) for o, names in self.own.items() for name in names)]

    def check(self, outputs: Mapping[str, np.ndarray]) -> None:
        """Raise SignatureError unless there is one distinct name for each class of an output, or none at all."""
        columns = {name: array.shape[-1] if array.ndim > 1 else 1 for name, array in outputs.items()}
        _check_fits(self.common, columns)
        for output, names in self.own.items():
            if output not in outputs:
                raise SignatureError(
                    "labels of an output that the model does not have",
                    place="labels",
                    wanted=", ".join(outputs),
                    found=output,
                )
            _check_fits(names, {output: columns[output]})


def _check_fits(labels: Sequence[object], columns: Dict[str, int]) -> None:
    fits = [n for n in columns.values() if len(labels) in ((1, 2) if n == 1 else (n,))]
    texts = all(isinstance(label, str) for label in labels)
    if labels and (not fits or not texts or len(set(labels)) != len(labels)):
        raise SignatureError(
            "the labels do not fit the head",
            place="labels",
            wanted="one distinct name for each class of " + ", ".join("{} ({})".format(*c) for c in columns.items()),
            found="{} labels".format(len(labels)),
            fix="pass the names in the order of the head's outputs",
        )
