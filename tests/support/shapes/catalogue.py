"""The list of shapes: which module builds each, and how often it was met in public code. Imports nothing heavy.

`seen` of `hits` results of a look-up had the shape. Both were counted by reading what the look-up returned, so they say
what is common, not how common it is.
"""

import importlib
from dataclasses import dataclass
from typing import Any, Callable, Dict, Sequence, Tuple

BERT = "`TFBertModel.from_pretrained(`"
ROBERTA = "`TFRobertaModel.from_pretrained(`"
DISTILBERT = "`TFDistilBertModel.from_pretrained(`"
AUTO = "`TFAutoModel.from_pretrained(`"
XLM = "`TFXLMRobertaModel.from_pretrained(`"
ALBERT = "`TFAlbertModel.from_pretrained(`"
ELECTRA = "`TFElectraModel.from_pretrained(`"
CAMEMBERT = "`TFCamembertModel.from_pretrained(`"
MPNET = "`TFMPNetModel.from_pretrained(`"
AVERAGE = "`GlobalAveragePooling1D()(bert`"
SEQUENCE = "`GlobalAveragePooling1D()(sequence_output)`"
MASK = "`input_mask_expanded = tf.cast(tf.expand_dims(`"
STATE = "`(bert_output.last_hidden_state)`"
MAIN = "`bert_model.bert(`"
SUBCLASS = "`self.bert(inputs)`"
PRETRAINED = "`(TFBertPreTrainedModel)`"
POSITION = "`transformer_model.layers[0]`"
OF_A_HEAD = "`model.distilbert(`"
POOLER = '`)["pooler_output"]`'
ERF = "`x * 0.5 * (1.0 + tf.math.erf(x / tf`"
TRAINING = "`attention_mask=attention_mask, training=False)[`"
NO_POOLER = "`TFBertModel(config, add_pooling_layer=False`"
OUTPUT_SHAPE = "`output_shape=(MAX_LEN, 768)`"
ROBERTA_MAIN = "`TFRobertaMainLayer(config`"
LAYER = "`class BertLayer(tf.keras.layers.Layer)`"
SLICE = "`Lambda(lambda x: x[:, 0, :])(`"
LAST_FOUR = "`hidden_states[-4:]`"
STACK = "`tf.stack(hidden_states`"
SPANS = "`tf.squeeze(start_logits, axis=-1)`"
CONTEXT = "`class AttentionWithContext(Layer)`"
HIGHWAY = "`class Highway(Layer)`"
CAPSULE = "`class Capsule(Layer)`"
SPATIAL = "`SpatialDropout1D(0.2)(bert`"
DOT = "`Dot(axes=-1, normalize=True)`"
LIST = "`bert([input_ids, token_type_ids, attention_mask])`"
TIME = "`TimeDistributed(bert`"
HALF = '`set_global_policy("mixed_float16")`'
RESHAPE = "`tf.reshape(input_ids, (-1`"
HEAD_CLASS = "`TFBertForSequenceClassification(`"
LOOKUP = "`StringLookup(vocabulary=`"
DROPOUT = "`multisample_dropout`"
ABOUT_CNN = "TFBertModel with a TextCNN"
ABOUT_ATTENTION = "TFBertModel, BiLSTM, attention weights"
ABOUT_LAYERS = "weighted layer pooling in TensorFlow"
ABOUT_SIAMESE = "siamese TFBertModel, difference or cosine"
ABOUT_FEATURES = "TFBertModel with numeric features"
ABOUT_CATEGORIES = "TFBertModel with StringLookup and CategoryEncoding"
ABOUT_QUEST = "two texts into TFBertModel, Google QUEST"
ABOUT_TOKENS = "TFBertModel for tokens"
ABOUT_TAGS = "part-of-speech tags beside a BERT"
ABOUT_STEPS = "class of tf.keras.Model with a train_step, adversarial training"
GATHER = "`tf.gather_nd(sequence_output`"
CHOICE = "`TFBertForMultipleChoice.from_pretrained(`"
ABOUT_KERAS3 = "Keras 3, TFBertModel, KerasTensor (issues)"
EARLIER = "not counted"


Release = Tuple[int, int]


@dataclass(frozen=True)
class Shape:
    """A shape: its builder, and that it was met in `seen` of `hits` results of looking for `query`."""

    module: str
    name: str
    seen: int
    hits: int
    query: str
    since: Release = (2, 4)  # the first TensorFlow whose Keras can build it

    def build(self) -> Any:
        """Return its case, built in this environment."""
        builder: Callable[[], Any] = getattr(
            importlib.import_module("support.shapes.builders." + self.module), self.name
        )
        return builder()

    @property
    def where(self) -> str:
        """Return how often it was met, as in "3 of 10 hits of `query`"."""
        return "{} of {} hits of {}".format(self.seen, self.hits, self.query) if self.hits else self.query


_ROWS: Dict[str, Sequence[Tuple[str, int, int, str]]] = {
    "pooling": (
        ("average_and_max_pooling", 1, 10, ALBERT),
        ("masked_mean", 10, 10, MASK),
        ("masked_max", 1, 10, STACK),
        ("masked_global_pooling", 1, 10, SEQUENCE),
        ("last_four_states", 1, 9, AUTO),
        ("last_four_states_summed", 1, 10, STACK),
        ("weighted_states", 3, 12, ABOUT_LAYERS),
        ("first_token_of_every_layer", 1, 12, ABOUT_LAYERS),
        ("first_and_last_averaged", 1, 10, AVERAGE),
        ("lambda_on_the_outputs", 1, 9, BERT),
        ("lambda_slice", 10, 10, SLICE),
        ("squeezed_slice", 1, 10, STATE),
        ("reshaped_states", 1, 10, STATE),
        ("pooler_by_name", 1, 10, POOLER),
        ("unpacked_tuple", 3, 10, SEQUENCE),
        ("mask_made_in_the_model", 1, 10, AVERAGE),
    ),
    "heads": (
        ("convolutions", 5, 12, ABOUT_CNN),
        ("convolutions_of_an_image", 2, 12, ABOUT_CNN),
        ("recurrent_with_mask", 3, 6, SPATIAL),
        ("recurrent_convolution", 1, 6, SPATIAL),
        ("recurrent_beside_convolution", 1, 6, SPATIAL),
        ("recurrent_and_both_pools", 2, 10, MAIN),
        ("highway", 3, 10, HIGHWAY),
        ("gelu_by_hand", 10, 10, ERF),
        ("multi_sample_dropout", 3, 10, DROPOUT),
        ("multi_sample_dropout_of_a_stack", 2, 10, DROPOUT),
        ("normalized_vector", 4, 10, MASK),
    ),
    "attention": (
        ("context_attention", 9, 9, CONTEXT),
        ("step_attention", 2, 10, CAPSULE),
        ("dense_attention", 4, 12, ABOUT_ATTENTION),
        ("dotted_attention", 2, 12, ABOUT_ATTENTION),
        ("built_in_attention", 1, 9, AUTO),
        ("capsules", 7, 10, CAPSULE),
        ("block_on_top", 1, 9, CONTEXT),
    ),
    "subclassed": (
        ("model_of_pooler", 3, 10, SUBCLASS),
        ("model_called_in_a_graph", 1, 12, "class of tf.keras.Model around TFBertModel"),
        ("model_by_index", 1, 10, CAMEMBERT),
        ("model_with_keywords", 1, 12, "class of tf.keras.Model around TFBertModel"),
        ("model_of_spans", 1, 10, SPANS),
        ("model_of_tokens", 3, 12, ABOUT_TOKENS),
        ("model_of_two_tasks", 1, 10, PRETRAINED),
        ("model_of_masked_mean", 2, 10, MASK),
        ("pretrained_subclass", 6, 10, PRETRAINED),
        ("layer_of_the_encoder", 2, 10, LAYER),
        ("layer_of_a_dict", 1, 10, SEQUENCE),
        ("functional_inside_a_class", 0, 0, EARLIER),
    ),
    "pairs": (
        ("pair_in_one_encoder", 2, 10, MAIN),
        ("siamese_difference", 5, 12, ABOUT_SIAMESE),
        ("siamese_by_a_nested_model", 1, 10, AVERAGE),
        ("siamese_cosine_by_hand", 2, 12, ABOUT_SIAMESE),
        ("euclidean_distance", 1, 10, DOT),
        ("two_encoders_of_one_text", 0, 0, EARLIER),
        ("two_encoders_of_two_lengths", 0, 0, EARLIER),
        ("two_calls_of_two_lengths", 3, 12, ABOUT_QUEST),
        ("triplet_distances", 4, 10, DOT),
        ("document_by_time_distribution", 5, 10, TIME),
        ("document_by_reshape", 7, 10, RESHAPE),
        ("encoder_on_an_encoder", 1, 10, SEQUENCE),
    ),
    "features": (
        ("numbers_beside", 3, 12, ABOUT_FEATURES),
        ("normalized_numbers", 3, 12, ABOUT_CATEGORIES),
        ("embedded_category", 2, 12, ABOUT_FEATURES),
        ("looked_up_category", 3, 12, ABOUT_CATEGORIES),
        ("hashed_category", 1, 12, ABOUT_CATEGORIES),
        ("words_beside", 2, 12, ABOUT_FEATURES),
        ("image_beside", 1, 9, BERT),
        ("gated_numbers", 0, 0, EARLIER),
        ("tags_beside", 1, 12, ABOUT_TAGS),
        ("mention_of_a_position", 5, 8, GATHER),
    ),
    "outputs": (
        ("several_labels", 3, 10, PRETRAINED),
        ("several_label_heads", 1, 9, AUTO),
        ("label_of_every_token", 5, 12, ABOUT_TOKENS),
        ("spans_by_convolutions", 2, 9, ROBERTA),
        ("spans_of_int64", 1, 10, SPANS),
        ("spans_of_trimmed_batches", 1, 9, ROBERTA),
        ("one_number", 1, 9, DISTILBERT),
        ("scaled_number", 0, 0, EARLIER),
        ("heads_by_name", 6, 10, POSITION),
        ("class_with_a_head_inside", 1, 10, HEAD_CLASS),
        ("logits_of_a_class_with_a_head", 3, 10, HEAD_CLASS),
        ("attentions_beside", 0, 0, EARLIER),
        ("one_of_several_choices", 1, 10, CHOICE),
    ),
    "forms": (
        ("unnamed_inputs", 2, 9, ROBERTA),
        ("one_input", 1, 9, DISTILBERT),
        ("three_by_position", 1, 10, AVERAGE),
        ("exchanged_list", 2, 3, LIST),
        ("dict_of_inputs", 1, 9, AUTO),
        ("dict_with_more_keys", 1, 9, BERT),
        ("open_length", 1, 10, XLM),
        ("open_length_without_padding", 1, 10, ELECTRA),
        ("nested_model", 1, 10, AVERAGE),
        ("sequential_around_a_model", 0, 0, EARLIER),
        ("model_on_top_of_a_model", 3, 6, SPATIAL),
        ("shared_embeddings", 0, 0, EARLIER),
        ("frozen_layers", 4, 9, DISTILBERT),
        ("frozen_blocks", 1, 10, CAMEMBERT),
        ("called_with_training", 2, 2, TRAINING),
        ("mixed_precision", 2, 10, HALF),
        ("functional_with_a_training_step", 4, 12, ABOUT_STEPS),
    ),
    "encoders": (
        ("main_layer_by_attribute", 4, 10, MAIN),
        ("main_layer_by_position", 9, 10, POSITION),
        ("main_layer_of_roberta", 8, 10, ROBERTA_MAIN),
        ("main_layer_of_a_class_with_a_head", 1, 10, OF_A_HEAD),
        ("without_pooler", 1, 1, NO_POOLER),
        ("roberta_by_convolution", 3, 9, ROBERTA),
        ("distilbert_by_recurrence", 1, 9, DISTILBERT),
        ("electra_first_token", 1, 10, ELECTRA),
        ("xlm_roberta_last_four", 1, 10, XLM),
        ("albert_both_pools", 1, 10, ALBERT),
        ("camembert_first_token", 3, 10, CAMEMBERT),
        ("mpnet_masked_mean", 1, 10, MPNET),
    ),
    "wrapped": (
        ("wrapped_encoder", 3, 12, ABOUT_KERAS3),
        ("wrapped_pooled_encoder", 1, 10, LAYER),
        ("wrapped_in_a_lambda", 2, 2, OUTPUT_SHAPE),
        ("wrapped_in_a_model", 1, 12, ABOUT_KERAS3),
    ),
}

_SINCE = {"document_by_time_distribution": (2, 15)}

SHAPES = tuple(Shape(module, *row, since=_SINCE.get(row[0], (2, 4))) for module, rows in _ROWS.items() for row in rows)
KERAS_3 = tuple(shape for shape in SHAPES if shape.module == "wrapped")


def share(release: Release) -> Tuple[Shape, ...]:
    """Return a sixth of the shapes for the suite in a release: the six of the group `ci` build each shape once."""
    return SHAPES[release[1] // 3 % 6 :: 6]
