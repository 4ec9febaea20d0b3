"""Encoder classes of transformers 4 that belong to no family: found by name, built, their weights by their own names.

A class is one that the installed `transformers` has under the name `TF...Model`; nothing else is imported. Its weights
are named by the layers that hold them, which transformers keeps between releases, since it loads checkpoints by them.
"""

import inspect
from dataclasses import replace
from typing import Any, Dict, FrozenSet, Iterator, List, Mapping, Tuple

import numpy as np

from bert_bundle.encoders import float64_patches, general_config
from bert_bundle.encoders.families import Family, general
from bert_bundle.encoders.families.family import TOKENS
from bert_bundle.errors import FormatError, ModelError, RuntimeUnavailableError
from bert_bundle.interpreter.known_breakages import version_numbers

# Fields that every configuration class takes, and that decide what a class computes.
_COMMON = ("pad_token_id", "bos_token_id", "eos_token_id", "is_encoder_decoder", "chunk_size_feed_forward")
_GIVEN = "_bert_bundle_config"  # where an encoder keeps the configuration that it was built from
_NOT_TENSORS = ("training", "output_attentions", "output_hidden_states", "return_dict", "use_cache", "use_mems")
_OTHER_INPUTS = ("decoder_input_ids", "pixel_values", "input_features", "visual_feats", "mc_token_ids")


def is_general(layer: Any) -> bool:
    """Return whether a layer of transformers is of a class that reads token ids and returns hidden states."""
    name = type(layer).__name__
    if not name.startswith("TF") or not general.is_name(name[2:]):
        return False
    names = _parameters(layer)
    return names[:1] == (TOKENS[0],) and not set(names) & set(_OTHER_INPUTS)


def family_of(layer: Any) -> Family:
    """Return the family of a live encoder, with the arguments of its call in order."""
    arguments = tuple(name for name in _parameters(layer) if name not in _NOT_TENSORS)
    family = replace(general.of_name(type(layer).__name__[2:]), arguments=arguments)
    return family if _holder_of_pooler(layer) is not None else family.without_pooler()


def output_name(family: Family, name: str, place: str) -> str:
    """Return the name of an output that a call returned by name or position. Raises ModelError for any other one."""
    first, dot, rest = name.partition(".")
    if first.isdigit() and int(first) < len(family.always) and not dot:
        return family.always[int(first)]
    if first not in (*family.always, *general.OUTPUTS[2:]):
        raise ModelError(
            "an output of the encoder that a bundle cannot represent",
            place=place,
            wanted=", ".join((*family.always, *general.OUTPUTS[2:])),
            found=name,
            fix="take outputs by name: encoder(...).last_hidden_state, encoder(...).hidden_states[3]",
        )
    return first + dot + rest


def kept(outputs: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the outputs of a call that a graph may use, by name: not memories and caches."""
    return {name: outputs[name] for name in general.OUTPUTS if name in outputs and outputs[name] is not None}


def config(encoder: Any, place: str) -> Dict[str, Any]:
    """Return the canonical config.json of a live encoder: every field of its class, and the common ones.

    Of an encoder that was built from a configuration, the fields of that one, whatever fields this release has, and
    those that were changed. Raises ModelError for a field that is not plain data.
    """
    live, given = encoder.config, vars(encoder).get(_GIVEN)
    names = [name for name in (*_fields(type(live)), *_COMMON) if hasattr(live, name) and general_config.is_field(name)]
    values = {name: general_config.plain(getattr(live, name)) for name in sorted(set(names))}
    values.update(_decided_by_release(type(encoder).__name__[2:]))
    usual = type(live)()
    defaults = [n for n in sorted(values) if general_config.plain(getattr(usual, n, None)) == values[n]]
    if given is not None:
        left = {n: given[n] for n in given[general.DEFAULTS] if n not in values}
        values = {**left, **{n: value for n, value in values.items() if n in given or n not in defaults}}
        defaults = [n for n in given[general.DEFAULTS] if values[n] == given[n]]
    result: Dict[str, Any] = {
        "architectures": [type(encoder).__name__[2:]],
        "model_type": live.model_type,
        **values,
        general.DEFAULTS: defaults,
    }
    try:
        general_config.check(result, place)
    except FormatError as error:
        raise ModelError(
            "a configuration that a bundle cannot represent", place=error.place, found=error.found or error.message
        ) from None
    return result


def build(family: Family, config: Mapping[str, Any], name: str, flags: Mapping[str, bool]) -> Any:
    """Return an encoder of this configuration with initial weights; `flags`: the outputs that calls will use.

    Raises RuntimeUnavailableError for a class or a field that the installed transformers does not have, FormatError for
    a class of another model type.
    """
    encoder_class = _class(family, config)
    _check_decided(family.architecture, config)
    fields = {n: v for n, v in config.items() if n not in general_config.NOT_FIELDS}
    known = {*_fields(encoder_class.config_class), *_COMMON}
    for field in sorted(set(fields) - known):
        if field not in config[general.DEFAULTS]:
            raise RuntimeUnavailableError(
                "this transformers does not have a field of the encoder's configuration",
                place=field,
                wanted=fields[field],
                found="transformers " + _version(),
                fix="load the bundle where the transformers is installed that wrote it",
            )
        del fields[field]
    encoder = encoder_class(encoder_class.config_class(**fields, **flags), name=name)
    vars(encoder)[_GIVEN] = dict(config)  # not an attribute, which Keras would wrap
    holder = _holder_of_pooler(encoder)
    if holder is not None and not family.has_pooler:
        holder.pooler = None
    if encoder.dtype == "float64":
        float64_patches.mend_modules(encoder)
    return encoder


def tensors(encoder: Any) -> Dict[str, np.ndarray]:
    """Return every weight by the path of the layers that hold it. Raises ModelError for two of the same path."""
    result: Dict[str, np.ndarray] = {}
    for path, variable in _variables(encoder):
        if path in result:
            raise ModelError("two variables of an encoder have the same name", place=path)
        result[path] = variable.numpy()
    return result


def assign(encoder: Any, weights: Mapping[str, np.ndarray], keras: Any, place: str) -> None:
    """Set every weight. Raises FormatError for one that is missing, left over or of another shape."""
    variables = dict(_variables(encoder))
    for name in sorted(set(variables) | set(weights)):
        wanted = tuple(variables[name].shape) if name in variables else "no such tensor"
        found = weights[name].shape if name in weights else "no such tensor"
        if wanted != found:
            raise FormatError(
                "an encoder's tensor is missing or does not fit",
                place="{} tensor {}".format(place, name),
                wanted=wanted,
                found=found,
                fix="the class has other weights in this transformers: load the bundle in a release nearer to its own",
            )
    pairs = [(v, np.asarray(weights[n], v.dtype.as_numpy_dtype)) for n, v in variables.items()]
    keras.backend.batch_set_value(pairs)


def _class(family: Family, config: Mapping[str, Any]) -> Any:
    import transformers

    found = getattr(transformers, family.tensorflow, None)
    base = getattr(transformers, "TFPreTrainedModel", None)
    if found is None or base is None:
        raise RuntimeUnavailableError(
            "this transformers does not have the encoder's class",
            wanted=family.tensorflow,
            found="transformers " + _version(),
            fix="load the bundle where a transformers 4 with that class is installed",
        )
    is_class = isinstance(found, type) and issubclass(found, base)
    model_type = getattr(getattr(found, "config_class", None), "model_type", "") if is_class else "no encoder class"
    if model_type != config["model_type"]:
        raise FormatError(
            "an encoder's class of another model type",
            place=family.tensorflow,
            wanted=config["model_type"],
            found=model_type,
        )
    return found


def _decided_by_release(architecture: str) -> Dict[str, str]:
    """Return the field that a class ignores in the installed release, with the value that it computes with there."""
    ignored = general.IGNORED.get(architecture)
    if ignored is None or version_numbers({"": _version()}, "") >= ignored.until:
        return {}
    return {ignored.field: ignored.value}


def _check_decided(architecture: str, config: Mapping[str, Any]) -> None:
    """Raise RuntimeUnavailableError where the installed release computes something else than a configuration says."""
    for field, value in _decided_by_release(architecture).items():
        if config.get(field) != value:
            raise RuntimeUnavailableError(
                "this transformers ignores a field of the encoder's configuration",
                place="{} {}".format(architecture, field),
                wanted=config.get(field),
                found="{}, which transformers {} always computes".format(value, _version()),
                fix="load the bundle in transformers {}.{} or newer, before 5".format(
                    *general.IGNORED[architecture].until
                ),
            )


def _version() -> str:
    import transformers

    return str(transformers.__version__)


def _fields(config_class: Any) -> List[str]:
    """Return the names of the fields of a configuration class and of those that it extends, but not of every one."""
    import transformers

    own = [c for c in config_class.__mro__ if c is not transformers.PretrainedConfig and "__init__" in vars(c)]
    found = [p for c in own if c is not object for p in inspect.signature(c.__init__).parameters.values()]
    return [p.name for p in found if p.name != "self" and p.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]


def _parameters(layer: Any) -> Tuple[str, ...]:
    """Return the arguments of an encoder's call in order."""
    return tuple(inspect.signature(type(layer).call).parameters)[1:]


def _holder_of_pooler(encoder: Any) -> Any:
    """Return the layer that has the pooler; None if the encoder does not have one."""
    main = getattr(encoder, encoder.base_model_prefix, None)
    return main if getattr(main, "pooler", None) is not None else None


def _variables(encoder: Any) -> Iterator[Tuple[str, Any]]:
    """Yield (path, variable) of every weight, each once: by the shortest path of layers to it."""
    seen: FrozenSet[int] = frozenset()
    level = [("", encoder)]
    while level:
        below: List[Tuple[str, Any]] = []
        for prefix, layer in level:
            parts = list(layer._flatten_layers(recursive=False, include_self=False))
            inside = {id(variable) for part in parts for variable in part.weights}
            for variable in layer.weights:
                if id(variable) not in inside | seen:
                    seen |= {id(variable)}
                    yield prefix + _own_name(variable, layer), variable
            below += [("{}{}/".format(prefix, part.name), part) for part in parts]
        level = below


def _own_name(variable: Any, layer: Any) -> str:
    """Return a variable's name within the layer that holds it: `weight` or, of one of its tables, `words/weight`.

    Some releases call a table `embeddings`, others `weight`.
    """
    scopes, _, name = variable.name.split(":")[0].rpartition("/")
    _, found, inner = "/{}/".format(scopes).rpartition("/{}/".format(layer.name))
    return (str(inner) if found else "") + str({"embeddings": "weight"}.get(name, name))
