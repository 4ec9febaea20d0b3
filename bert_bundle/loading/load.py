"""Load a bundle: verified files, then the installed Keras, then the live model and tokenizer."""

from bert_bundle import tokenizer as tokenizers
from bert_bundle.format.open_bundle import OpenedBundle, check_files
from bert_bundle.graph import custom_classes
from bert_bundle.graph.custom_classes import Classes
from bert_bundle.keras_models import runtime as keras_runtime
from bert_bundle.loading.encoding import live_tokenizer
from bert_bundle.loading.loaded_bundle import Bundle
from bert_bundle.loading.parts import read_parts


def load(bundle: OpenedBundle, runtime: str, classes: Classes = custom_classes.NONE) -> Bundle:
    """Return the live bundle in `runtime`; every file is verified and parsed before anything is imported or built.

    `classes`: the user-defined layer classes, by the names that the graph has for them.
    """
    check_files(bundle, keep=True)
    parts, files = read_parts(bundle, runtime, classes), tokenizers.read_files(bundle)
    bound = keras_runtime.bind(runtime, custom_classes.required_classes(parts.graph, classes))
    return Bundle(
        bundle.root, bundle.manifest, parts, parts.build(bound), live_tokenizer(bundle, files, bound.name), bound
    )
