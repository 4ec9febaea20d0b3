"""How a live Keras 2 model was fed: whether in a list, in which only the order says what an array is."""

from typing import Any, Iterator

_FUNCTIONS = ("train_function", "test_function", "predict_function")  # that `fit`, `evaluate` and `predict` compile
_TRACES = ("_list_all_concrete_functions", "_list_all_concrete_functions_for_serialization")  # from 2.12 on, before


def arrays_in_a_list(model: Any) -> int:
    """Return of how many arrays the longest list was that `model` was first called, fitted or run on; 0 for none.

    0 where this Keras does not keep it: for a training loop of the user, or with `run_eagerly`.
    """
    fed = (getattr(model, "_build_input_shape", None), *_fed(model))
    return max((len(x) for x in fed if type(x) in (list, tuple) and not any(map(_is_size, x))), default=0)


def _is_size(value: object) -> bool:
    """Return whether a value is one axis of a shape, so that what holds it is the shape of one array."""
    return value is None or isinstance(value, int)


def _fed(model: Any) -> Iterator[Any]:
    """Yield the structure of what each compiled function of the model took as its inputs."""
    for name in _FUNCTIONS:
        function = getattr(model, name, None)
        listed = next((getattr(function, trace) for trace in _TRACES if hasattr(function, trace)), tuple)
        for concrete in listed():
            for spec in concrete.structured_input_signature[0]:
                element = getattr(spec, "_element_spec", None)  # of the iterator over (inputs, answers, weights)
                yield element[0] if isinstance(element, tuple) and element else None
