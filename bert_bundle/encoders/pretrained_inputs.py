"""The inputs of a user-defined subclass of a model class of transformers: what it was called on, or the usual ones.

Keras keeps shapes and dtypes of a model's first call. transformers 4.25 and later put a signature of the class in their
place before any call; earlier releases call a model on dummy inputs when they load it. Keras keeps the shapes of the
first call in another place too.
"""

import inspect
from typing import Any, Dict, List, Mapping, Tuple

from bert_bundle.encoders.families.family import TOKENS


def token_arguments(config: Any) -> Tuple[str, ...]:
    """Return the token inputs of an encoder by itself: token types are one if the encoder has more than one type."""
    return TOKENS if getattr(config, "type_vocab_size", 0) > 1 else TOKENS[:2]


def specs(model: Any) -> Any:
    """Return shape and dtype of the inputs of a live model in the form in which it was called; None if it never was.

    A model that was called on dummy inputs only, or on one tensor while its `call` takes the mask, by name or in
    **kwargs, has the usual inputs in a dict, of any length: Keras does not keep which inputs were passed beside it.
    """
    shapes = _shapes(model)
    if not shapes:
        return None
    parameters = inspect.signature(model.call).parameters.values()
    takes_mask = any(p.name == TOKENS[1] or p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters)
    if _is_dummy(model, shapes) or (takes_mask and not isinstance(shapes, Mapping) and not _is_several(shapes)):
        return {name: _spec((None, None), "int32") for name in token_arguments(model.config)}
    dtypes = _dtypes(model._saved_model_inputs_spec)
    if isinstance(shapes, Mapping):
        return {name: _spec(shape, dtypes.get(name) or _dtype(shape, shapes)) for name, shape in shapes.items()}
    if _is_several(shapes):
        first = {TOKENS[0]: shapes[0]}
        return [_spec(shape, dtypes.get(i) or _dtype(shape, first)) for i, shape in enumerate(shapes)]
    return _spec(shapes, dtypes.get(0, "int32"))


def _shapes(model: Any) -> Any:
    """Return the shapes of the first call, in its form; TensorFlow 2.4 keeps them with the dtypes only."""
    kept, saved = model._build_input_shape, model._saved_model_inputs_spec
    if kept is not None or not model.built:
        return kept
    if isinstance(saved, Mapping):
        return {name: spec.shape for name, spec in saved.items()}
    return [spec.shape for spec in saved] if isinstance(saved, (list, tuple)) else getattr(saved, "shape", None)


def _is_dummy(model: Any, shapes: Any) -> bool:
    """Return whether the first call was that on the class's dummy inputs."""
    if not isinstance(shapes, Mapping):
        return False
    dummy = {name: list(array.shape) for name, array in model.dummy_inputs.items()}
    return {name: list(shape) for name, shape in shapes.items()} == dummy


def _is_several(shapes: Any) -> bool:
    """Return whether these are the shapes of several tensors; that of one is a TensorShape or a tuple of sizes."""
    return isinstance(shapes, (list, tuple)) and any(hasattr(shape, "as_list") for shape in shapes)


def _dtypes(saved: Any) -> Dict[Any, Any]:
    """Return key or position -> dtype of what Keras keeps as the inputs' specification."""
    if isinstance(saved, Mapping):
        return {name: spec.dtype for name, spec in saved.items()}
    several: List[Any] = list(saved) if isinstance(saved, (list, tuple)) else [saved] if saved is not None else []
    return {number: spec.dtype for number, spec in enumerate(several)}


def _dtype(shape: Any, shapes: Mapping[str, Any]) -> str:
    """Return the dtype of an input that only its shape is known of: as long as the token ids, it is one of tokens."""
    ids = shapes.get(TOKENS[0])
    return "int32" if ids is None or list(shape) == list(ids) else "float32"


def _spec(shape: Any, dtype: Any) -> Any:
    import tensorflow

    return tensorflow.TensorSpec(list(shape), dtype)
