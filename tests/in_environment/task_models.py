"""Small models whose outputs mean different things, built in either runtime, and what is read from them."""

import bert_bundle
from bert_bundle.classifiers import heads, specification
from bert_bundle.classifiers.model_builder import LENGTH, ModelBuilder

TEXTS = ["my invoice is wrong", "the app crashes", "why?", "add dark mode"]
MULTILABEL, TOKENS = ("multilabel", "probabilities"), ("tokens", "probabilities")
REGRESSION = ("regression", "values")


def _first(builder, feeds):
    return builder.call(builder.encoder(), feeds)["last_hidden_state"][:, 0]


def _of_first(*outputs):
    """Return the builder of a model with a Dense layer (units, activation, name) for each output."""

    def build(builder, feeds):
        x = _first(builder, feeds)
        made = [builder.layers.Dense(units, activation=kind, name=name)(x) for units, kind, name in outputs]
        return made if len(made) > 1 else made[0]

    return build


def _tokens(activation, units=4):
    def build(builder, feeds):
        hidden = builder.call(builder.encoder(), feeds)["last_hidden_state"]
        return builder.layers.Dense(units, activation=activation, name="tags")(hidden)

    return build


def _activation_layer(kind):
    def build(builder, feeds):
        x = builder.layers.Dense(5, name="scores")(_first(builder, feeds))
        return builder.layers.Activation(kind, name="last")(x)

    return build


def _op(name):
    def build(builder, feeds):
        return builder.op(name, x=builder.layers.Dense(5, name="scores")(_first(builder, feeds)))

    return build


def _one_for_each_label(builder, feeds):
    x = _first(builder, feeds)
    each = [builder.layers.Dense(1, activation="sigmoid", name="label_{}".format(i))(x) for i in range(3)]
    return builder.layers.Concatenate(name="all")(each)


def _nested(builder, feeds):
    inside = builder.keras.Input((16,), name="state")
    last = builder.layers.Dense(4, activation="sigmoid", name="tags")(inside)
    return builder.keras.Model(inside, last, name="top")(_first(builder, feeds))


def _two_columns_of_tokens(builder, feeds):
    hidden = builder.call(builder.encoder(), feeds)["last_hidden_state"]
    return [heads.token_scores(builder, hidden, name) for name in ("start", "end")]


def _head(head):
    def build(builder, feeds):
        outputs = builder.call(builder.encoder("bert", head), feeds)
        found = list(outputs.values())
        return found if len(found) > 1 else builder.layers.Activation("linear", name="logits")(found[0])

    return build


# Name -> (builder, output -> (task, scores), or nothing where an output without the field means the same).
MODELS = {
    "softmax": (_of_first((3, "softmax", "p")), {"p": None}),
    "logits": (_of_first((3, "linear", "p")), {"p": None}),
    "several sigmoids": (_of_first((4, "sigmoid", "p")), {"p": MULTILABEL}),
    "two sigmoids": (_of_first((2, "sigmoid", "p")), {"p": MULTILABEL}),
    "one sigmoid": (_of_first((1, "sigmoid", "p")), {"p": None}),
    "one number": (_of_first((1, "linear", "p")), {"p": None}),
    "an Activation": (_activation_layer("sigmoid"), {"last": MULTILABEL}),
    "an op": (_op("sigmoid"), {"output": MULTILABEL}),
    "a softmax op": (_op("softmax"), {"output": None}),
    "one Dense for each label": (_one_for_each_label, {"all": MULTILABEL}),
    "a nested model": (_nested, {"top": MULTILABEL}),
    "tokens": (_tokens("softmax"), {"tags": TOKENS}),
    "tokens, logits": (_tokens("linear"), {"tags": ("tokens", "logits")}),
    "tokens, sigmoids": (_tokens("sigmoid"), {"tags": MULTILABEL}),
    "spans by two columns": (
        _two_columns_of_tokens,
        {"start": ("spans", "probabilities"), "end": ("spans", "probabilities")},
    ),
    "ForSequenceClassification": (_head("ForSequenceClassification"), {"logits": None}),
    "ForTokenClassification": (_head("ForTokenClassification"), {"logits": ("tokens", "logits")}),
    "several outputs": (
        _of_first((3, "softmax", "issue"), (5, "sigmoid", "tags"), (1, "linear", "urgency"), (1, "sigmoid", "spam")),
        {"issue": None, "tags": MULTILABEL, "urgency": None, "spam": None},
    ),
}


def build(name, runtime):
    """Return the classifier of `MODELS` with that name; its texts are `TEXTS`."""
    builder = ModelBuilder(runtime)
    feeds = builder.tokens()
    model = builder.model(list(feeds.values()), MODELS[name][0](builder, feeds))
    specification.randomize(model, builder.encoders[0], seed=11)
    live = specification.tokenizer(runtime=builder.runtime.name)
    return specification.BuiltClassifier(model, builder.encoders[0], live, (), {"text": TEXTS}, LENGTH)


def recorded(path):
    """Return output name -> (task, scores) as the manifest has them, None for an output without.

    A regression needs the field only if all recorded values lie between 0 and 1, which is up to the weights.
    """
    outputs = bert_bundle.inspect(path).signature["outputs"]
    found = {o["name"]: (o["task"], o["scores"]) if "task" in o else None for o in outputs}
    return {name: None if (name, task) == ("urgency", REGRESSION) else task for name, task in found.items()}


def check_entries(path, expected, runtime):
    """Check the form and the values of `classify` against `predict`."""
    import numpy as np

    bundle = bert_bundle.load(path, runtime=runtime)
    predicted, found = bundle.predict(TEXTS), bundle.classify(TEXTS)
    if len(expected) == 1:
        predicted, found = {next(iter(expected)): predicted}, {next(iter(expected)): found}
    if "start" in expected:
        for text, entry in zip(TEXTS, found):
            assert entry["answer"]
            assert 0 < entry["score"] <= 1
            assert 1 <= entry["first_token"] <= entry["last_token"]
            assert "start" not in entry or entry["answer"] == text[entry["start"] : entry["end"]]
        return
    for name, values in predicted.items():
        assert len(found[name]) == len(TEXTS)
        for row, entry in zip(np.asarray(values, np.float64), found[name]):
            check_entry(row, entry, expected[name])


def check_entry(row, entry, task):
    """Check one entry of an output against its predictions."""
    name = task[0] if task else ("regression" if isinstance(entry, float) else "classes" if row.size > 1 else "binary")
    if name == "regression":
        assert entry == row[0]
    elif name == "multilabel" and row.ndim == 1:
        assert [e["label"] for e in entry] == ["LABEL_{}".format(i) for i in (-row).argsort() if row[i] > 0.5]
    elif name == "tokens":
        assert [e["position"] for e in entry] == list(range(1, len(entry) + 1))
        assert [e["label"] for e in entry] == ["LABEL_{}".format(row[e["position"]].argmax()) for e in entry]
        assert all(0 < e["score"] <= 1 and isinstance(e["token"], str) for e in entry)
    elif name == "binary":
        assert entry["label"] == "LABEL_{}".format(int(row[0] > 0.5))
    elif name == "classes":
        assert entry["label"] == "LABEL_{}".format(row.argmax())
        assert 0 < entry["score"] <= 1


def check_saved_again(made, save, keras, folder, runtime):
    """Save logits that were fitted as several sigmoids; load and save them again, without a loss and with another."""
    fitted, classes = ("multilabel", "logits"), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    made.model.compile(loss=keras.losses.BinaryCrossentropy(from_logits=True))
    path = save(made, folder / "0")
    made.model.compile(loss=None)
    assert recorded(path) == {"p": fitted}
    for number, loss, expected in ((1, None, fitted), (2, None, fitted), (3, "my_loss", fitted), (4, classes, None)):
        bundle = bert_bundle.load(path, runtime=runtime)
        again = specification.BuiltClassifier(bundle.model, None, bundle.tokenizer, (), {"text": TEXTS}, LENGTH)
        if loss is not None:
            bundle.model.compile(loss=(lambda wanted, found: found) if loss == "my_loss" else loss)
        path = save(again, folder / str(number))
        assert recorded(path) == {"p": expected}
    del again.model._bert_bundle_tasks  # planted: a model that does not know what its bundle names
    again.model.compile(loss=None)
    assert recorded(save(again, folder / "planted")) == {"p": None}
