"""The path of each variable of a live model in a `.weights.h5` file, as the installed Keras writes it.

Keras derives the paths from attributes and classes, by rules that differ between releases. So it is asked: every
variable is filled with a number, the model saved, and the numbers found again.
"""

import tempfile
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence

import numpy as np

from bert_bundle.errors import ModelError
from bert_bundle.keras_files import structural_names
from bert_bundle.keras_models.runtime import Runtime

_FILE = "own.weights.h5"


def by_path(model: Any, variables: Sequence[Any], runtime: Runtime) -> Mapping[str, Any]:
    """Return path -> variable; the values of the variables are lost.

    Raises ModelError where the installed Keras writes another layout, or leaves a variable out.
    """
    numbers = [np.full(tuple(variable.shape), number) for number, variable in enumerate(variables)]
    runtime.dialect.set_values(runtime.keras, list(zip(variables, numbers)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / _FILE
        model.save_weights(str(path))
        found = {place: variables[number] for place, number in _numbers(path).items()}
    if len(found) != len(variables):
        raise ModelError(
            "a variable that the installed Keras does not save by its path",
            place="--build",
            wanted="{} of them, by an environment with TensorFlow 2.13 or later".format(len(variables)),
            found=len(found),
            fix="name an environment by --env",
        )
    return found


def _numbers(path: Path) -> Dict[str, int]:
    """Return path -> the number that its variable was filled with."""
    import h5py

    with h5py.File(str(path), "r") as file:
        paths: List[str] = []
        file.visititems(lambda name, item: paths.append(name) if isinstance(item, h5py.Dataset) else None)
        return {name: int(np.asarray(file[name]).flat[0]) for name in structural_names.of_weights(paths)}
