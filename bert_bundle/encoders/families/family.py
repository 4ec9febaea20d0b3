"""The record of an encoder family: everything in which one family differs from another, as data.

Sizes are named by BERT's configuration fields, whatever the family calls them; `LABELS` is the number of labels.
Modules are named as in the family's PyTorch checkpoints. Does not know: Keras, transformers, the files of a bundle.
"""

from dataclasses import dataclass, field, replace
from typing import Any, Dict, Iterator, Mapping, Optional, Tuple

from bert_bundle.encoders.families import relative

PER_LAYER = ("hidden_states", "attentions")  # outputs of a call that asks for them, one tensor for each layer
HEADS: Mapping[str, Tuple[str, ...]] = {  # what follows the family in a class's name -> outputs of every call
    "ForSequenceClassification": ("logits",),
    "ForTokenClassification": ("logits",),
    "ForQuestionAnswering": ("start_logits", "end_logits"),
}
EVERY_TOKEN, FIRST_TOKEN, POOLED = "last_hidden_state", "first_token", "pooler_output"  # what a head reads
LABELS = "labels"
EMBEDDINGS, EMBEDDINGS_NORM = "embeddings", "LayerNorm"  # the part that holds the tables, and the norm in it
TABLES: Mapping[str, str] = {  # the embedding tables of every family -> their rows; a table without rows is left out
    "word_embeddings": "vocab_size",
    "position_embeddings": "position_rows",
    "token_type_embeddings": "type_vocab_size",
}
WORDPIECE, BYTE_LEVEL, UNIGRAM = "WordPiece", "byte-level BPE", "Unigram"  # kinds of vocabularies

TOKENS = ("input_ids", "attention_mask", "token_type_ids")  # arguments of encoders that are made from a text
GENERAL = "general"  # the field of an encoder in a graph that is True for a class of no family, else left out
POOLER = "pooler"  # the field of an encoder in a graph that is False without a pooler, else left out
POST_NORM, DISENTANGLED = "post_norm", "disentangled"  # kinds of blocks, see `Block`
TRACED = ("ForMultipleChoice", "SequenceSummary")  # classes of transformers with these ends are traced, like user code


@dataclass(frozen=True)
class Module:
    """A module with a weight of these sizes, rows first, and a bias of the first size.

    Two sizes are a dense layer or a table, one is a layer normalization, three are a convolution, its width last. An
    encoder of which a size is 0 does not have the module.
    """

    path: str
    sizes: Tuple[str, ...]
    bias: bool = True

    def shape(self, values: Mapping[str, Any]) -> Tuple[int, ...]:
        """Return the shape of its weight, given the values of a configuration; empty if the encoder lacks it."""
        found = tuple(values[size] for size in self.sizes)
        return found if all(found) else ()


@dataclass(frozen=True)
class Block:
    """One layer of an encoder: what it computes, as a key of `native.BLOCKS`, and its modules by role."""

    kind: str
    modules: Mapping[str, Module]


def post_norm(
    query: str,
    key: str,
    value: str,
    out: str,
    norm: str,
    up: str,
    down: str,
    last_norm: str,
) -> Block:
    """Return a block of attention and two dense layers, each sub-layer normalized after it is added to its input.

    Vaswani et al. 2017, section 3.1. Arguments are paths within the block.
    """
    square, hidden = ("hidden_size", "hidden_size"), ("hidden_size",)
    modules = {
        "query": Module(query, square),
        "key": Module(key, square),
        "value": Module(value, square),
        "out": Module(out, square),
        "norm": Module(norm, hidden),
        "up": Module(up, ("intermediate_size", "hidden_size")),
        "down": Module(down, ("hidden_size", "intermediate_size")),
        "last_norm": Module(last_norm, hidden),
    }
    return Block(POST_NORM, modules)


@dataclass(frozen=True)
class Weights:
    """Where the weights of an encoder lie.

    prefix           what a class with a head calls the encoder in it
    block, blocks    one block, and the path of the block of number {}
    block_count      the field that counts the blocks; where there are fewer than layers, consecutive layers share one
    projection       the module from the embedding size to the hidden size, empty for a family without one
    always_projects  whether it is there even if the two sizes are equal
    own_projection   the same as a module of the embeddings, before their normalization, None for a family without one
    distances        the table of what the distance of two tokens adds to their score, None for a family without one
    distances_norm   the layer normalization of that table, None for a family without one
    convolution      what is added to the first block's output, None for a family without one
    convolution_norm  the layer normalization of that sum
    pooler           the dense layer of `pooler_output`, empty for a family without one
    always_pools     whether classes with a head that does not read it have it too
    embeddings_last  whether TensorFlow's class has the embeddings after all else, and so the files that Keras writes
    renamed          end of a path in TensorFlow's class -> in checkpoints, where they differ by more than their writing
    """

    prefix: str
    block: Block
    blocks: str = "encoder.layer.{}"
    block_count: str = "num_hidden_layers"
    projection: str = ""
    always_projects: bool = False
    own_projection: Optional[Module] = None
    distances: Optional[Module] = None
    distances_norm: Optional[Module] = None
    convolution: Optional[Module] = None
    convolution_norm: Optional[Module] = None
    pooler: str = ""
    always_pools: bool = False
    embeddings_last: bool = False
    renamed: Mapping[str, str] = field(default_factory=dict)

    @property
    def embeddings_norm(self) -> Module:
        """Return the layer normalization of the embeddings."""
        size = "hidden_size" if self.own_projection else "embedding_size"
        return Module("{}.{}".format(EMBEDDINGS, EMBEDDINGS_NORM), (size,))

    def beside_blocks(self) -> Iterator[Module]:
        """Yield the modules of which a configuration decides whether an encoder has them, but for those of blocks."""
        yield from filter(
            None,
            (self.own_projection, self.distances, self.distances_norm, self.convolution, self.convolution_norm),
        )

    def projects(self, sizes: Mapping[str, Any]) -> bool:
        """Return whether an encoder of these sizes has the projection."""
        return bool(self.projection) and (self.always_projects or sizes["embedding_size"] != sizes["hidden_size"])


@dataclass(frozen=True)
class Dense:
    """A dense layer of a head, from the hidden size to `outputs`: after dropout if `dropout`, before `activation`.

    `activation` is one, or the field that names it.
    """

    path: str
    outputs: str = LABELS
    activation: str = ""
    dropout: bool = True


@dataclass(frozen=True)
class Head:
    """A head: what it reads, its layers in order, and the field of its dropout rate.

    A head without such a field, or with None in it, has the rate of the hidden layers.
    """

    reads: str
    layers: Tuple[Dense, ...]
    dropout: str = "classifier_dropout"


@dataclass(frozen=True)
class Tokenizer:
    """The tokenizer of a family: the slow class of transformers, its kind of vocabulary.

    `token_types`: whether transformers returns token types unless told not to.
    """

    name: str
    vocabulary: str
    token_types: bool


@dataclass(frozen=True)
class Family:
    """One family: its encoder class, or, with `head`, the class of transformers that puts a head on it.

    model_type      as in config.json
    title           what the names of its classes begin with
    arguments       of the encoder's call, in order
    fields          configuration fields, each with its default
    weights, heads  where its weights lie and what each head of `HEADS` computes
    tokenizer       the tokenizer that belongs to it
    field_names     BERT's name of a field -> the family's, where they differ
    omitted         BERT's name of a field -> what a live configuration without it means, where that is not its default
    same            BERT's name of a field -> that of the one whose value a live configuration without it means
    alike           names of fields that are not kept -> BERT's name of the one that they must be equal to, if set
    constants       BERT's name of a field -> the value in the family's code, where it is not a field
    honoured        BERT's name of a field -> the only values of it that a rebuild honours
    bounds          BERT's name of a whole number -> the least and the largest, where they are not those of a size
    first_position  row of the position table that a text's first token takes
    masks_embeddings  whether embeddings of masked tokens are zero
    masked_score    what transformers' TensorFlow class adds to the score of a masked token
    first_release   of transformers whose TensorFlow classes of it run in a model, major and minor
    float32_layers  TensorFlow layers of transformers that compute in float32 in every precision
    float32_masks   TensorFlow layers of transformers that subtract a mask from a float32 constant
    head            a key of `HEADS`, or empty
    general         whether it is a class of no family, see `families.general`
    """

    model_type: str
    title: str
    arguments: Tuple[str, ...]
    fields: Mapping[str, Any]
    weights: Weights
    heads: Mapping[str, Head]
    tokenizer: Tokenizer
    field_names: Mapping[str, str] = field(default_factory=dict)
    omitted: Mapping[str, Any] = field(default_factory=dict)
    same: Mapping[str, str] = field(default_factory=dict)
    alike: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)
    honoured: Mapping[str, Tuple[Any, ...]] = field(default_factory=dict)
    bounds: Mapping[str, Tuple[int, int]] = field(default_factory=dict)
    first_position: int = 0
    masks_embeddings: bool = False
    masked_score: float = -1e4
    first_release: Tuple[int, int] = (4, 0)
    float32_layers: Tuple[str, ...] = ()
    float32_masks: Tuple[str, ...] = ()
    head: str = ""
    general: bool = False

    @property
    def architecture(self) -> str:
        """Return the PyTorch class that opens the encoder's folder."""
        return self.title + (self.head or "Model")

    @property
    def tensorflow(self) -> str:
        """Return the class of transformers 4."""
        return "TF" + self.architecture

    @property
    def always(self) -> Tuple[str, ...]:
        """Return the outputs of every call, in order."""
        if self.head:
            return HEADS[self.head]
        return ("last_hidden_state", "pooler_output") if self.weights.pooler else ("last_hidden_state",)

    @property
    def has_pooler(self) -> bool:
        """Return whether the class has the pooler's weights."""
        reads_it = not self.head or self.heads[self.head].reads == POOLED
        return bool(self.weights.pooler) and (reads_it or self.weights.always_pools)

    def with_head(self, head: str) -> "Family":
        """Return the same family as the class with that head."""
        return replace(self, head=head)

    def without_pooler(self) -> "Family":
        """Return the same family as its encoder built with `add_pooling_layer=False`."""
        return replace(self, weights=replace(self.weights, pooler=""))

    @property
    def main_layer(self) -> str:
        """Return the class of transformers 4 that computes the encoder inside every model class."""
        return "TF{}MainLayer".format(self.title)

    def field_name(self, name: str) -> str:
        """Return the family's name of a configuration field, given BERT's."""
        return self.field_names.get(name, name)

    def bert_name(self, name: str) -> str:
        """Return BERT's name of a configuration field, given the family's."""
        return next((bert for bert, own in self.field_names.items() if own == name), name)

    def values(self, config: Mapping[str, Any]) -> Dict[str, Any]:
        """Return the values of a canonical configuration under BERT's names, the family's constants among them."""
        fields = {self.bert_name(name): config[name] for name in self.fields}
        return {
            "embedding_size": fields["hidden_size"],
            "position_rows": fields["max_position_embeddings"] if fields.get("position_biased_input", True) else 0,
            **relative.sizes(fields),
            **self.constants,
            **fields,
        }
