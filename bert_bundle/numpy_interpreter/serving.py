"""What a SavedModel predicts, by the closed table of ops that a rescue computes: all of them arithmetic."""

from typing import Dict, Mapping

import numpy as np

from bert_bundle.keras_files.saved_model import SavedModel
from bert_bundle.numpy_interpreter import arrays, control, elementwise, linear
from bert_bundle.numpy_interpreter.interpreter import Interpreter, Rule

RULES: Mapping[str, Rule] = {**arrays.RULES, **control.RULES, **elementwise.RULES, **linear.RULES}


def outputs(
    model: SavedModel,
    variables: Mapping[str, np.ndarray],
    inputs: Mapping[str, np.ndarray],
    *,
    float64: bool = False,
) -> Dict[str, np.ndarray]:
    """Return the outputs of the serving signature by name, from its inputs by name.

    `variables`: full name -> array. With `float64` variables, constants and inputs are widened. Raises UnsafeError for
    an op outside of the table, FormatError for a graph that is not whole.
    """
    return Interpreter(model, variables, RULES, float64=float64).run(inputs)
