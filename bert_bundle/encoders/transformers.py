"""Encoders as transformers' TensorFlow classes: how their calls read, how they are built, their weights and flags.

Does not know one family from another: a `Family` is data.
"""

from typing import Any, Dict, Iterator, Mapping, Optional, Tuple

import numpy as np

from bert_bundle.encoders import checkpoint_names, float64_patches, general
from bert_bundle.encoders.configuration import canonical_config
from bert_bundle.encoders.families import BY_MAIN_LAYER, BY_MODEL_TYPE, BY_TENSORFLOW, PER_LAYER, TRACED, Family, known
from bert_bundle.errors import FormatError, ModelError, RuntimeUnavailableError
from bert_bundle.interpreter.known_breakages import version_numbers

_IGNORED = ("return_dict", "output_hidden_states", "output_attentions", "use_cache", "past_key_values")


def family_of(layer: Any) -> Optional[Family]:
    """Return the family whose class the layer is, None for a subclass, which may compute something else.

    A main layer is its family's model without a head; a class that ends in `TRACED` holds one. Raises ModelError for
    any other model class of transformers that does not belong to a family.
    """
    name = type(layer).__name__
    if not type(layer).__module__.startswith("transformers.") or name.endswith(TRACED):
        return None
    family = _of_class(layer)
    if family is None and general.is_general(layer):
        return general.family_of(layer)
    if family is not None and family.has_pooler and not family.head and _main_layer(layer, family).pooler is None:
        return family.without_pooler()
    if family is None and hasattr(layer, "base_model_prefix"):
        raise ModelError(
            "a class of transformers that a bundle cannot represent",
            place=layer.name,
            wanted=known(),
            found=type(layer).__name__,
            fix="build the classifier around one of those",
        )
    return family


def _of_class(layer: Any) -> Optional[Family]:
    """Return the family that a class of transformers belongs to, as that class is by default."""
    name = type(layer).__name__
    main = BY_MAIN_LAYER.get(name)
    if main is None:
        return BY_TENSORFLOW.get(name)
    named = BY_MODEL_TYPE.get(layer.config.model_type)  # RoBERTa's main layer was that of XLM-R too, seen in 4.25
    return named if named is not None and named.weights == main.weights else main


def _is_main_layer(layer: Any) -> bool:
    return type(layer).__name__ in BY_MAIN_LAYER


def _main_layer(encoder: Any, family: Family) -> Any:
    return encoder if _is_main_layer(encoder) else getattr(encoder, family.weights.prefix)


def _family(encoder: Any) -> Family:
    family = family_of(encoder)
    assert family is not None
    return family


def arguments(family: Family, encoder: Any, args: Any, kwargs: Mapping[str, Any], place: str) -> Dict[str, Any]:
    """Return an encoder's call by argument names, however it was written: positional, a list, a dict, keywords.

    What the first argument holds counts before a keyword, as in transformers: `bert(inputs, attention_mask=None)` has
    the mask of a dict `inputs`. Raises ModelError for an argument that a rebuild would not honour.
    """
    args = list(args)
    result: Dict[str, Any] = {}
    if args and isinstance(args[0], Mapping):
        result.update(args.pop(0))
    elif args and isinstance(args[0], (list, tuple)):
        args = list(args[0]) + args[1:]
    if any(value is not None and value is not False for value in args[len(family.arguments) :]):  # False: a flag
        raise ModelError(
            "an argument of the encoder that a bundle cannot represent",
            place=place,
            wanted="at most {}, in the order {}".format(len(family.arguments), ", ".join(family.arguments)),
            found=len(args),
        )
    result.update(zip(family.arguments, args))
    result.update({k: v for k, v in kwargs.items() if result.get(k) is None})
    result = {k: v for k, v in result.items() if v is not None and k not in _IGNORED}
    for name in result:
        if name not in (*family.arguments, "training"):
            raise ModelError("an argument of the encoder that a bundle cannot represent", place=place, found=name)
    return result


def output_name(family: Family, encoder: Any, kwargs: Mapping[str, Any], name: str) -> str:
    """Return the name of an output, whether the call returned a dict or a tuple."""
    if family.general:
        return general.output_name(family, name, encoder.name)
    first, _, rest = name.partition(".")
    if first.isdigit():
        present = list((_of_class(encoder) or family).always)  # a tuple has None in the place of a missing pooler's
        for optional in PER_LAYER:
            flag = "output_" + optional
            asked = kwargs.get(flag)
            if getattr(encoder.config, flag, False) if asked is None else asked:
                present.append(optional)
        first = present[int(first)]
    return first + ("." + rest if rest else "")


def config(encoder: Any, place: str) -> Dict[str, Any]:
    """Return the canonical config.json of a live encoder."""
    family = _family(encoder)
    if family.general:
        return general.config(encoder, place)
    return canonical_config(family, encoder.config.to_dict(), place)


def build(family: Family, config: Mapping[str, Any], name: str, outputs: "frozenset[str]" = frozenset()) -> Any:
    """Return an encoder of this configuration with initial weights, in the precision that is set.

    `outputs` are those that calls will use: in old releases (seen in transformers 4.12) the configuration alone
    decides whether a symbolic call returns hidden states or attentions.
    """
    import transformers

    if family.general:
        return general.build(family, config, name, _flags_of(outputs))
    fields = {k: v for k, v in config.items() if k in family.fields}
    if "id2label" in config:
        fields["id2label"] = {int(k): v for k, v in config["id2label"].items()}
        fields["label2id"] = dict(config["label2id"])
    config_class = type(transformers.AutoConfig.for_model(family.model_type))
    encoder_class = getattr(transformers, family.tensorflow, None)
    if encoder_class is None or version_numbers({"": transformers.__version__}, "") < family.first_release:
        raise RuntimeUnavailableError(
            "this transformers does not have a TensorFlow class of the encoder that runs in a model",
            wanted="{} of transformers {}.{} or newer, before 5".format(family.tensorflow, *family.first_release),
            found="transformers " + transformers.__version__,
            fix='load the bundle where such a release is installed, or in Keras 3 with runtime="native"',
        )
    encoder = encoder_class(config_class(**fields, **_flags_of(outputs)), name=name)
    if not family.has_pooler and not family.head:
        _main_layer(encoder, family).pooler = None  # transformers 4.5 has add_pooling_layer in main layers only
    if encoder.dtype == "float64":
        float64_patches.mend(encoder, family)
    elif encoder.compute_dtype == "float16" and version_numbers({"": transformers.__version__}, "") < (4, 8):
        float64_patches.mend_half(encoder, family)
    return encoder


def call(encoder: Any, kwargs: Mapping[str, Any], outputs: "frozenset[str]") -> Mapping[str, Any]:
    """Return the encoder's outputs by name, those in `outputs` among them."""
    kwargs = dict(kwargs)
    ids = kwargs.pop("input_ids", None)
    result: Mapping[str, Any] = encoder(ids, **kwargs, **_flags_of(outputs), return_dict=True)
    return general.kept(result) if _family(encoder).general else result


def _flags_of(outputs: "frozenset[str]") -> Dict[str, bool]:
    return {
        "output_hidden_states": any(o.startswith("hidden_states") for o in outputs),
        "output_attentions": any(o.startswith("attentions") for o in outputs),
    }


def pick(outputs: Mapping[str, Any], name: str) -> Any:
    """Return the output called `name`: `last_hidden_state`, or `hidden_states.3`."""
    first, _, position = name.partition(".")
    value = outputs[first]
    return value[int(position)] if position else value


def tensors(encoder: Any) -> Dict[str, np.ndarray]:
    """Return every weight by PyTorch name, in PyTorch's layout."""
    result: Dict[str, np.ndarray] = {}
    family = _family(encoder)
    if family.general:
        return general.tensors(encoder)
    for variable in encoder.weights:
        name, transposed = checkpoint_names.to_pytorch(variable.name, family)
        if name in result:
            raise ModelError("two variables of an encoder have the same name", place=variable.name)
        array = variable.numpy()
        result[name] = array.T if transposed else array
    return result


def assign(encoder: Any, weights: Mapping[str, np.ndarray], keras: Any, place: str) -> None:
    """Set every weight from arrays by PyTorch name. Raises FormatError for one that is missing or does not fit."""
    pairs = []
    family = _family(encoder)
    if family.general:
        general.assign(encoder, weights, keras, place)
        return
    for variable in encoder.weights:
        name, transposed = checkpoint_names.to_pytorch(variable.name, family)
        array = weights.get(name)
        fits = array is not None and tuple(variable.shape) == (array.T if transposed else array).shape
        if array is None or not fits:
            raise FormatError(
                "an encoder's tensor is missing or does not fit",
                place="{} tensor {}".format(place, name),
                wanted=tuple(variable.shape),
                found="nothing" if array is None else array.shape,
            )
        array = array.T if transposed else array
        pairs.append((variable, np.asarray(array, variable.dtype.as_numpy_dtype)))
    keras.backend.batch_set_value(pairs)


def flags(encoder: Any) -> Dict[str, bool]:
    """Return path -> flag of the parts whose `trainable` differs from that of their holder, outermost first."""
    prefix = _family(encoder).weights.prefix + "/" if _is_main_layer(encoder) else ""  # as in a model that holds it
    result = {}
    for path, layer, holder in _parts(encoder, prefix, encoder):
        if bool(layer._trainable) != bool(holder._trainable):
            result[path] = bool(layer._trainable)
    return result


def set_flags(encoder: Any, trainable: bool, wanted: Mapping[str, bool], place: str) -> None:
    """Make `flags(encoder)` what was saved. Raises FormatError for a part that the encoder does not have."""
    encoder.trainable = trainable
    known = {path: layer for path, layer, _ in _parts(encoder, "", encoder)}
    for path, flag in wanted.items():
        if path not in known:
            raise FormatError("a trainable flag of a part that the encoder does not have", place=place, found=path)
        known[path].trainable = flag


def _parts(encoder: Any, prefix: str, holder: Any) -> Iterator[Tuple[str, Any, Any]]:
    """Yield (path, layer, the layer that holds it) of every part with weights, a holder before what it holds."""
    for layer in holder._flatten_layers(recursive=False, include_self=False):
        if layer.weights:
            path = checkpoint_names.layer_path(prefix + layer.name)
            yield checkpoint_names.renamed(path, _family(encoder)), layer, holder
            yield from _parts(encoder, prefix + layer.name + "/", layer)
