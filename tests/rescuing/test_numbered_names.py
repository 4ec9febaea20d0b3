"""Names that Keras numbered otherwise: each has one partner, by the order of the numbers among siblings."""

from bert_bundle.rescuing.numbered_names import matched


def test_numbers_are_matched_by_their_order_among_siblings() -> None:
    stored = ["dense_7/kernel", "dense_12/kernel", "tf_bert_model_3/bert/encoder/layer_._0/dense/kernel"]
    own = ["tf_bert_model/bert/encoder/layer_._0/dense/kernel", "dense_1/kernel", "dense/kernel"]
    assert matched(own, stored) == {
        "dense_7/kernel": "dense/kernel",
        "dense_12/kernel": "dense_1/kernel",
        "tf_bert_model_3/bert/encoder/layer_._0/dense/kernel": "tf_bert_model/bert/encoder/layer_._0/dense/kernel",
    }


def test_names_without_a_partner_are_not_matched() -> None:
    assert matched(["dense/kernel"], ["dense_1/kernel", "dense_2/kernel"]) is None
    assert matched(["dense/kernel"], ["dense/bias"]) is None
    assert matched(["a/dense/kernel"], ["b/dense/kernel"]) is None
    assert matched(["dense/kernel", "dense/kernel"], ["dense_1/kernel"]) is None
