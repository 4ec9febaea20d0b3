"""Building blocks of Keras models with one interface for both runtimes: layers, ops, small encoders.

Does not know any particular model.
"""

from typing import Any, Dict, FrozenSet, List, Mapping

from bert_bundle.encoders import families
from bert_bundle.keras_models import runtime as keras_runtime

LENGTH, VOCABULARY = 12, 1000  # tokens per text; rows of the word embeddings, more than any tokenizer here has tokens


class ModelBuilder:
    """The layers, ops and encoders of one runtime.

    `encoders` lists the encoders that it has built, because their weights are assigned separately.
    """

    def __init__(self, runtime: str) -> None:
        self.runtime = keras_runtime.bind(runtime)
        self.keras, self.layers = self.runtime.keras, self.runtime.keras.layers
        self.encoders: List[Any] = []

    @property
    def native(self) -> bool:
        """Return whether this is the native runtime, whose encoders take keyword or positional arguments only."""
        return self.runtime.name == keras_runtime.NATIVE

    def tokens(self, prefix: str = "", length: Any = LENGTH) -> Dict[str, Any]:
        """Return inputs for token ids, attention mask and token types, by argument name."""
        names = ("input_ids", "attention_mask", "token_type_ids")
        return {name: self.keras.Input((length,), dtype="int32", name=prefix + name) for name in names}

    def encoder(
        self,
        family: str = "bert",
        head: str = "",
        name: str = "encoder",
        wanted: str = "",
        *,
        pooler: bool = True,
        **sizes: Any,
    ) -> Any:
        """Build a small encoder of which no two sizes are equal.

        `wanted` is "hidden_states" if its calls use them; `pooler`: whether it has the pooler of its family.
        """
        kind = families.BY_MODEL_TYPE[family]
        kind = kind.with_head(head) if head else kind
        kind = kind if pooler else kind.without_pooler()
        small = {
            "vocab_size": VOCABULARY,
            "hidden_size": 16,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "intermediate_size": 24,
            "max_position_embeddings": 40,
            "layer_norm_eps": 1e-6,
            "embedding_size": 12,
            **sizes,
        }
        given = {kind.field_name(field): value for field, value in small.items()}
        config = {**kind.fields, **{field: value for field, value in given.items() if field in kind.fields}}
        config.update(architectures=[kind.architecture], model_type=family)
        if kind.weights.own_projection and config["embedding_size"] != config["hidden_size"]:
            config["position_biased_input"] = False  # the table of positions is not one that is projected
        encoder = self.runtime.encoders.build(kind, config, name, self._outputs(wanted))
        self.encoders.append(encoder)
        return encoder

    def call(self, encoder: Any, feeds: Mapping[str, Any], wanted: str = "") -> Any:
        """Call the encoder with those of `feeds` that its family accepts, and return its outputs by name."""
        family = self.runtime.encoders.family_of(encoder)
        assert family is not None
        given = {name: tensor for name, tensor in feeds.items() if name in family.arguments}
        with self.runtime.dialect.compute_context(False):
            return self.runtime.encoders.call(encoder, given, self._outputs(wanted))

    def op(self, name: str, **arguments: Any) -> Any:
        """Apply the op with that keras.ops name."""
        return self.runtime.dialect.apply(name, arguments, "float32")

    def freeze(self, encoder: Any, *parts: str) -> None:
        """Make parts of an encoder, given by path, not trainable."""
        self.runtime.encoders.set_flags(encoder, True, dict.fromkeys(sorted(parts), False), "")

    def head(self, x: Any, classes: int = 3, activation: str = "softmax") -> Any:
        """Apply a Dense layer called "probabilities"."""
        return self.layers.Dense(classes, activation=activation, name="probabilities")(x)

    def model(self, inputs: Any, outputs: Any) -> Any:
        """Return the functional model."""
        return self.keras.Model(inputs, outputs, name="classifier")

    @staticmethod
    def _outputs(wanted: str) -> FrozenSet[str]:
        return frozenset([wanted] if wanted else [])
