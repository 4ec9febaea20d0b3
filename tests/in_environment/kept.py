"""What the tests of kept classes share between the two runtimes: one model around a layer, and what is saved of it."""

from bert_bundle.classifiers import specification
from bert_bundle.classifiers.model_builder import LENGTH, ModelBuilder

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
    """Return a classifier with `layer` between its encoder and its head; `layer` may return one tensor or several."""
    builder = ModelBuilder(runtime)
    feeds = builder.tokens()
    found = layer(builder.call(builder.encoder(), feeds)["last_hidden_state"], **arguments)
    parts = [found[key] for key in sorted(found)] if isinstance(found, dict) else [found]
    x = builder.layers.Concatenate(name="all")(parts) if len(parts) > 1 else parts[0]
    model = builder.model(list(feeds.values()), builder.head(x))
    specification.randomize(model, builder.encoders[0], seed=5)
    examples = {"text": ["my invoice is wrong", "why?", ""]}
    return specification.BuiltClassifier(
        model,
        builder.encoders[0],
        specification.tokenizer(runtime=builder.runtime.name),
        ("a", "b", "c"),
        examples,
        LENGTH,
    )
