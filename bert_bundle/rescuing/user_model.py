"""Stored weights -> a model that a function of the user builds, each variable set to the tensor of its name.

For weights alone, and for a model whose architecture the file does not hold or a bundle cannot read from it.

The function is the user's own code, and runs because it was given. Nothing in the file is: Keras' loaders, which go by
position, are not used. Every tensor of the file is used once, and every variable of the model is set once.
"""

import sys
from dataclasses import dataclass
from typing import Any, Callable, Dict, Mapping, Optional, Sequence, Tuple

import numpy as np

from bert_bundle.capturing import capture
from bert_bundle.errors import BundleError, ConfigError, FormatError, ModelError
from bert_bundle.interpreter.user_code import named
from bert_bundle.keras_files.stored_model import STRUCTURAL_WEIGHTS, StoredModel
from bert_bundle.keras_models.runtime import Runtime
from bert_bundle.loading.parts import Parts, of_captured
from bert_bundle.rescuing import numbered_names, own_paths

PLACE = "--build"

_MOST_NAMES = 8  # that an error lists


@dataclass(frozen=True)
class Built:
    """A model that a function built, with the stored weights, its parts, and what was found."""

    model: Any
    parts: Parts
    findings: Tuple[str, ...]


def imported(reference: str, path: Sequence[str]) -> Callable[[], Any]:
    """Return the function `MODULE:FUNCTION`; `path` is searched after this process's own.

    Raises ConfigError for a reference without a function, ModelError for a module that cannot be imported.
    """
    module, _, name = reference.partition(":")
    if not module or not name:
        raise ConfigError("not a function of a module", place=PLACE, wanted="MODULE:FUNCTION", found=reference)
    sys.path.extend(folder for folder in path if folder not in sys.path)  # last, so that it hides no package
    try:
        function: Callable[[], Any] = named(module, name)
    except Exception as error:  # importing the user's module runs it
        raise ModelError(
            "a function that cannot be imported",
            place="{} {}".format(PLACE, reference),
            wanted="a module in the current folder",
            found="{}: {}".format(type(error).__name__, error),
        ) from error
    return function


def built(stored: StoredModel, build: Callable[[], Any], runtime: Runtime) -> Built:
    """Call the function, and give its model the weights of the file.

    Raises ModelError for a function that fails or does not return a model that is built, FormatError for names or
    shapes that are not the same in both.
    """
    model = _called(build, runtime)
    variables = list(model.weights)
    paths = own_paths.by_path if stored.kind == STRUCTURAL_WEIGHTS else _by_name
    found, names = paths(model, variables, runtime), dict(zip(stored.arrays, stored.arrays))
    findings = list(stored.findings)
    if set(found) != set(names):
        renumbered = numbered_names.matched(list(found), list(names))
        if renumbered is None:
            raise _unmatched(stored, set(names) - set(found), set(found) - set(names))
        names = renumbered
        changed = next(name for name, own in names.items() if name != own)
        findings.append("layers were numbered otherwise: {} is {} in the model".format(changed, names[changed]))
    pairs = [(found[own], stored.arrays[name], name) for name, own in names.items()]
    _check_shapes(pairs, stored.source)
    runtime.dialect.set_values(runtime.keras, [(variable, array) for variable, array, _ in pairs])
    return Built(model, of_captured(capture.capture(model, runtime), runtime), tuple(findings))


def _called(build: Callable[[], Any], runtime: Runtime) -> Any:
    try:
        model = build()
    except BundleError:
        raise
    except Exception as error:  # the user's code raises anything
        found = "{}: {}".format(type(error).__name__, error)
        raise ModelError("the function that builds the model failed", place=PLACE, found=found) from error
    if not isinstance(model, runtime.keras.Model) or not model.built or not model.weights:
        raise ModelError(
            "the function did not return a model with weights",
            place=PLACE,
            wanted="a Keras model; a subclassed one called once",
            found=type(model).__name__,
        )
    return model


def _by_name(model: Any, variables: Sequence[Any], runtime: Runtime) -> Mapping[str, Any]:
    """Return full name -> variable. Raises ModelError for two of one name."""
    found: Dict[str, Any] = {}
    for variable in variables:
        name = runtime.dialect.variable_name(variable)
        if name in found:
            raise ModelError("two variables of one name", place=PLACE, found=name, fix="name their layers apart")
        found[name] = variable
    return found


def _unmatched(stored: StoredModel, left: "set[str]", missing: "set[str]") -> FormatError:
    """Return the error that lists what is only in the file and only in the model."""
    return FormatError(
        "the weights are not those of the model that the function builds",
        place=stored.source,
        wanted="also {}".format(_listed(missing)) if missing else "no others than the model has",
        found="without a variable: {}".format(_listed(left)) if left else "nothing else",
        fix="build it as it was when it was saved: the same layers, with the same names",
    )


def _listed(names: "set[str]") -> str:
    shown = sorted(names)[:_MOST_NAMES]
    more = len(names) - len(shown)
    return ", ".join(shown) + (" and {} more".format(more) if more else "")


def _check_shapes(pairs: Sequence[Tuple[Any, np.ndarray, str]], place: str) -> None:
    for variable, array, name in pairs:
        wanted: Optional[Tuple[int, ...]] = tuple(variable.shape)
        if array.shape != wanted:
            raise FormatError(
                "a tensor does not fit the model that the function builds",
                place="{} {}".format(place, name),
                wanted=wanted,
                found=array.shape,
            )
