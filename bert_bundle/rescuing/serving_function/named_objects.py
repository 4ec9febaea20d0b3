"""Objects of a SavedModel that was written without the metadata of Keras, made from the names of its variables.

`tf.saved_model.save` and `model.export` store which variables there are, and no class or configuration. The names of
transformers tell what an encoder's variables are, and the configuration beside the model which encoder it is. Every
other variable belongs to an object of an unknown class, whose ops are read one by one.
"""

from typing import Dict, FrozenSet, Iterable, Tuple

from bert_bundle.encoders import families
from bert_bundle.encoders.families import Family
from bert_bundle.encoders.families.family import EMBEDDINGS
from bert_bundle.errors import ModelError
from bert_bundle.keras_files.keras_metadata import ROOT, KerasObject
from bert_bundle.keras_files.saved_model import SavedModel
from bert_bundle.keras_files.stored_model import StoredModel
from bert_bundle.rescuing.stored_graph import EncoderConfig, without_configuration


def objects(stored: StoredModel, beside: EncoderConfig) -> Tuple[KerasObject, ...]:
    """Return the objects that hold the variables: main layers of the encoder that is configured, and unknown ones.

    Raises ModelError without a configuration, or for an encoder of no known family.
    """
    assert stored.serving is not None
    config = beside()
    if config is None:
        raise without_configuration(stored.source)
    family = families.BY_MODEL_TYPE.get(str(config.get("model_type")))
    if family is None:
        raise ModelError(
            "an encoder of another family",
            place=stored.source,
            wanted=", ".join(families.BY_MODEL_TYPE),
            found=config.get("model_type"),
        )
    frozen, encoders = _not_trainable(stored.serving), _main_layers(stored.arrays, family)
    held: Dict[str, Dict[str, str]] = {}
    for name in stored.arrays:
        holder = next((encoder for encoder in encoders if name.startswith(encoder + "/")), name.rpartition("/")[0])
        held.setdefault(holder, {})[name[len(holder) :].strip("/").replace("/", ".")] = name
    return tuple(
        KerasObject(
            path="{}.{}".format(ROOT, holder.replace(".", "_").replace("/", ".")),
            metadata={"name": holder.rpartition("/")[2], "class_name": family.main_layer if holder in encoders else ""},
            names=holder,
            variables=variables,
            frozen=tuple(name for name in variables.values() if name in frozen),
        )
        for holder, variables in held.items()
    )


def _main_layers(names: Iterable[str], family: Family) -> FrozenSet[str]:
    """Return the paths of the main layers of encoders: those that have embeddings."""
    inside = "/{}/{}/".format(family.weights.prefix, EMBEDDINGS)
    heads = ("/" + name for name in names if inside in "/" + name)
    return frozenset((name[: name.rindex(inside)] + "/" + family.weights.prefix)[1:] for name in heads)


def _not_trainable(model: SavedModel) -> FrozenSet[str]:
    """Return the full names of variables that were made with `trainable=False`."""
    variables = [node.message(7) for node in model.objects.messages(1) if 7 in node]
    return frozenset(variable.text(6) for variable in variables if not variable.integer(3))
