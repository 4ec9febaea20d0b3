"""A live encoder in float64 and the reference, compared on one batch, output by output."""

from support import numpy_reference

from bert_bundle.grading import differences

WANTED = frozenset(["hidden_states.0", "attentions.0"])


def outputs(runtime, family, config, tensors, given):
    """Return the arrays of this environment's encoder by name: hidden states, attentions, then its outputs."""
    with runtime.dialect.precision(runtime.keras, "float64"), runtime.dialect.compute_context(True):
        encoder = runtime.encoders.build(family, config, "encoder", WANTED)
        given = {name: runtime.dialect.tensor(array) for name, array in given.items()}
        runtime.encoders.call(encoder, given, WANTED)  # creates the weights of transformers' classes
        runtime.encoders.assign(encoder, tensors, runtime.keras, "encoder")
        found = runtime.encoders.call(encoder, given, WANTED)
        arrays = {name: runtime.dialect.array(found[name]) for name in family.always}
        return {**_numbered(found, runtime.dialect.array), **arrays}


def wanted(config, tensors, given, activations=numpy_reference.ACTIVATIONS):
    """Return the same from the reference."""
    encoded = numpy_reference.encode(config, tensors, **given, activations=activations)
    return {**_numbered(vars(encoded), lambda array: array), **encoded.outputs}


def distances(found, right):
    """Return the largest difference of each array, over the scale of the right one."""
    assert list(found) == list(right)
    assert {str(array.dtype) for array in found.values()} == {"float64"}
    return {name: differences.difference(found[name], array, of=array) for name, array in right.items()}


def _numbered(found, array):
    pairs = (
        (name, number, value) for name in ("hidden_states", "attentions") for number, value in enumerate(found[name])
    )
    return {"{}.{}".format(name, number): array(value) for name, number, value in pairs}
