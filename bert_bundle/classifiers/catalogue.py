"""One example classifier per supported modelling style, by name: the same in every environment that can build it.

The models are in the modules beside this one, with what they need. Weights and tokenizers are added here.
"""

from typing import Any, Dict, Iterator, List, Mapping, Tuple

from bert_bundle.classifiers import catalogue_models, lookup_models, other_encoders, vocabularies
from bert_bundle.classifiers.catalogue_entry import NEED_CLASSES, Entry, since
from bert_bundle.classifiers.model_builder import ModelBuilder
from bert_bundle.classifiers.specification import BuiltClassifier, randomize
from bert_bundle.encoders import families
from bert_bundle.keras_models import runtime as keras_runtime
from bert_bundle.keras_models.runtime import NATIVE

_OLDEST = (4, 5)  # transformers of the oldest environment of the matrix


def specifications() -> List[Dict[str, Any]]:
    """Return one specification for each modelling style, with what an environment needs to write it and to read it."""
    return [
        {"name": name, "catalogue": name, "seed": seed, **entry.needs()}
        for seed, (name, entry) in enumerate(ENTRIES.items())
    ]


def build(specification: Mapping[str, Any], runtime: str = keras_runtime.AUTO) -> BuiltClassifier:
    """Build the classifier of that name in this environment; without examples `save` makes its own."""
    builder, entry = ModelBuilder(runtime), ENTRIES[specification["catalogue"]]
    model = entry.build(builder)
    randomize(model, builder.encoders, specification["seed"])
    family = builder.runtime.encoders.family_of(builder.encoders[0])
    assert family is not None
    words = "bert" if family.general else family.model_type
    tokenizer = vocabularies.tokenizer_of(words, runtime=builder.runtime.name)
    return BuiltClassifier(model, builder.encoders[0], tokenizer, (), dict(entry.examples or {}), entry.max_length)


def _of_families() -> Iterator[Tuple[str, Entry]]:
    """Yield an entry for each class of each family, except for the one of BERT, which the others are made of."""
    for family in families.FAMILIES:
        oldest = family.first_release <= _OLDEST
        needs = None if oldest else since("transformers", family.first_release, {**NEED_CLASSES, NATIVE: ()})
        for head in ("", *families.HEADS):
            name = "_".join(filter(None, [family.model_type, head]))
            if name != "bert":
                yield name, Entry(catalogue_models.family(family.model_type, head), needs, needs)


ENTRIES: Mapping[str, Entry] = {
    **{name: Entry(make) for name, make in catalogue_models.MODELS.items()},
    "length_left_open": Entry(catalogue_models.length_left_open, max_length=16),
    **dict(_of_families()),
    **lookup_models.ENTRIES,
    **other_encoders.ENTRIES,
}
