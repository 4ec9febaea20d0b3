"""The shapes that cannot be saved today, with the message and the reason. A shape that works must leave this table."""

from dataclasses import dataclass
from typing import Dict, List, Optional

from support.shapes.catalogue import Release, Shape


@dataclass(frozen=True)
class Refusal:
    """What the error says, why, and in which releases of TensorFlow: all, or those older than `before`."""

    message: str
    reason: str
    before: Optional[Release] = None


_MAIN_LAYER = Refusal("a layer that a bundle cannot represent", "a main layer is called instead of its model")
_LENGTHS = Refusal("max_length does not fit the model", "one length for all texts")
_OTHER_KERAS = Refusal("a custom layer that cannot be traced", "an encoder of the other Keras")
_LOOKUP = Refusal("a layer that a bundle cannot represent", "a layer that computes on strings")

REFUSED: Dict[str, Refusal] = {
    "main_layer_by_attribute": _MAIN_LAYER,
    "main_layer_by_position": _MAIN_LAYER,
    "main_layer_of_roberta": _MAIN_LAYER,
    "main_layer_of_a_class_with_a_head": _MAIN_LAYER,
    "without_pooler": Refusal(
        "an encoder's tensor does not fit its configuration|a layer that a bundle cannot represent", "a missing pooler"
    ),
    "pretrained_subclass": Refusal("a model without a graph", "a class derived from one of transformers"),
    "albert_both_pools": Refusal("albert", "a family that is not known"),
    "camembert_first_token": Refusal("camembert", "a family that is not known"),
    "mpnet_masked_mean": Refusal("mpnet", "a family that is not known"),
    "exchanged_list": Refusal("unexpected keyword argument 'inputs'", "the role of an input cannot be said"),
    "open_length": Refusal("unexpected keyword argument 'padding'", "padding to the longest text cannot be said"),
    "two_encoders_of_two_lengths": _LENGTHS,
    "two_calls_of_two_lengths": _LENGTHS,
    "document_by_reshape": Refusal("no input of the model is the token ids of an encoder", "token ids of two axes"),
    "document_by_time_distribution": Refusal("a layer that a bundle cannot represent", "a model in TimeDistributed"),
    "model_called_in_a_graph": Refusal("a custom layer that cannot be traced", "a tf.function"),
    "lambda_on_the_outputs": Refusal("a Lambda that cannot be traced", "an encoder's outputs indexed by position"),
    "spans_of_trimmed_batches": Refusal("a slice whose bounds are tensors", "the bound of a slice is computed"),
    "context_attention": Refusal("a custom layer that adds a loss", "a regularized weight of a custom layer"),
    "mention_of_a_position": Refusal("a tensor op that a bundle cannot represent", "tf.gather_nd"),
    "one_of_several_choices": Refusal("a class of transformers that a bundle cannot represent", "ForMultipleChoice"),
    "capsules": Refusal("a tensor op that a bundle cannot represent", "K.conv1d"),
    "highway": Refusal("a tensor op that a bundle cannot represent", "K.bias_add"),
    "normalized_vector": Refusal("a tensor op that a bundle cannot represent", "tf.linalg.normalize"),
    "recurrent_convolution": Refusal("a tensor op that a bundle cannot represent", "K.zeros_like", before=(2, 6)),
    "normalized_numbers": Refusal("a layer that a bundle cannot represent", "an experimental layer", before=(2, 6)),
    "euclidean_distance": Refusal("a number that is NaN or infinity", "K.sqrt clips at infinity", before=(2, 6)),
    "wrapped_encoder": _OTHER_KERAS,
    "wrapped_pooled_encoder": _OTHER_KERAS,
    "wrapped_in_a_lambda": Refusal("a Lambda that cannot be traced", "an encoder of the other Keras"),
    "wrapped_in_a_model": Refusal("a subclassed model of Keras 3", "a class of Keras 3 as the model"),
    "looked_up_category": _LOOKUP,
    "hashed_category": _LOOKUP,
    "words_beside": _LOOKUP,
}

# What a load does not restore yet, as `use.faults` says it. It must leave this table, too, when it works.
LOST: Dict[str, List[str]] = {"frozen_layers": ["trainable: input_token, masked_token"]}


def refusal(shape: Shape, tensorflow: Release) -> Optional[Refusal]:
    """Return why a shape is refused in a release of TensorFlow, or None if it is saved."""
    found = REFUSED.get(shape.name)
    return found if found and (found.before is None or tensorflow < found.before) else None
