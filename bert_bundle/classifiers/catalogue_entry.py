"""An entry of the catalogue: how a classifier is built, and what an environment needs to write it and to read it."""

from typing import Any, Callable, Dict, Mapping, NamedTuple, Optional, Sequence, Tuple

from bert_bundle.classifiers.model_builder import LENGTH, ModelBuilder
from bert_bundle.keras_models.runtime import NATIVE, TRANSFORMERS

BuildFunction = Callable[[ModelBuilder], Any]

# Runtime -> what has to be installed there, as requirements of packages. A runtime that is left out cannot do it.
Needs = Mapping[str, Sequence[str]]

NEED_TENSORFLOW: Needs = {TRANSFORMERS: (), NATIVE: ("tensorflow",)}  # of layers that compute on strings
NEED_CLASSES: Needs = {TRANSFORMERS: ()}  # of what only transformers 4 can build


def since(package: str, release: Tuple[int, int], otherwise: Needs) -> Needs:
    """Return needs with a first release of a package in the transformers runtime, and `otherwise` in the native one."""
    first = "{}>={}.{}".format(package, *release)
    return {**otherwise, TRANSFORMERS: (*otherwise[TRANSFORMERS], first)}


class Entry(NamedTuple):
    """A classifier of the catalogue.

    writers, readers  what an environment needs to write or to load it; None: every environment can
    examples          the arguments of `save` of that name; None: `save` makes its own
    """

    build: BuildFunction
    writers: Optional[Needs] = None
    readers: Optional[Needs] = None
    examples: Optional[Mapping[str, Any]] = None
    max_length: int = LENGTH

    def needs(self) -> Dict[str, Any]:
        """Return those needs that there are, as fields of a specification."""
        found = {"writers": self.writers, "readers": self.readers}
        return {
            name: {runtime: list(requirements) for runtime, requirements in needs.items()}
            for name, needs in found.items()
            if needs is not None
        }
