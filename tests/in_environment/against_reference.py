"""A live encoder in float64 beside the reference: what both say of one batch, output by output."""

from bert_bundle.grading import differences
from bert_bundle.testing import reference

WANTED = frozenset(["hidden_states.0", "attentions.0"])


def outputs(runtime, family, config, tensors, given):
    """Name -> array of this environment's encoder: what each layer makes of the batch, then what the class returns."""
    with runtime.dialect.precision(runtime.keras, "float64"), runtime.dialect.compute_context(True):
        encoder = runtime.encoders.build(family, config, "encoder", WANTED)
        given = {name: runtime.dialect.tensor(array) for name, array in given.items()}
        runtime.encoders.call(encoder, given, WANTED)  # that makes the weights of transformers' classes
        runtime.encoders.assign(encoder, tensors, runtime.keras, "encoder")
        found = runtime.encoders.call(encoder, given, WANTED)
        arrays = {name: runtime.dialect.array(found[name]) for name in family.always}
        return {**_numbered(found, runtime.dialect.array), **arrays}


def wanted(config, tensors, given, activations=reference.ACTIVATIONS):
    """The same of the reference."""
    encoded = reference.encode(config, tensors, **given, activations=activations)
    return {**_numbered(vars(encoded), lambda array: array), **encoded.outputs}


def distances(found, right):
    """Name -> the largest difference over the scale of what is right."""
    assert list(found) == list(right)
    assert {str(array.dtype) for array in found.values()} == {"float64"}
    return {name: differences.difference(found[name], array, of=array) for name, array in right.items()}


def _numbered(found, array):
    pairs = (
        (name, number, value) for name in ("hidden_states", "attentions") for number, value in enumerate(found[name])
    )
    return {"{}.{}".format(name, number): array(value) for name, number, value in pairs}
