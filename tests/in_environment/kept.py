"""What the tests of kept classes share between the two runtimes: one model around a layer, and what is saved of it."""

from bert_bundle.classifiers import specification
from bert_bundle.classifiers.kit import LENGTH, RuntimeBuilder

# graph.json of `around` with a `Weighted`: the same bytes from every Keras, 2 or 3.
DIGEST = "c2c1a85da191ff8c"
CONFIG = {
    "units": 4,
    "temperature": 0.5,
    "sizes": [1, 2],
    "initializer": {"class": "RandomNormal", "config": {"stddev": 0.2}},
}
WEIGHTS = {"pool/blocks.0/bias", "pool/blocks.0/kernel", "pool/blocks.1/bias", "pool/blocks.1/kernel", "pool/scale"}


def weighted(cls, keras, **changes):
    initializer = keras.initializers.RandomNormal(stddev=0.2)
    return cls(4, temperature=0.5, initializer=initializer, **{"name": "pool", **changes})


def around(layer, runtime, **arguments):
    """A classifier with `layer` between its encoder and its head; `layer` may return one tensor or several."""
    kit = RuntimeBuilder(runtime)
    feeds = kit.tokens()
    found = layer(kit.call(kit.encoder(), feeds)["last_hidden_state"], **arguments)
    parts = [found[key] for key in sorted(found)] if isinstance(found, dict) else [found]
    x = kit.layers.Concatenate(name="all")(parts) if len(parts) > 1 else parts[0]
    model = kit.model(list(feeds.values()), kit.head(x))
    specification.randomize(model, kit.encoders[0], seed=5)
    examples = {"text": ["my invoice is wrong", "why?", ""]}
    return specification.BuiltClassifier(
        model, kit.encoders[0], specification.tokenizer(runtime=kit.runtime.name), ("a", "b", "c"), examples, LENGTH
    )
