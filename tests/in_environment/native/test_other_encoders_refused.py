"""An encoder class of no family in Keras 3: refused with where it loads."""

import pytest

from bert_bundle import errors
from bert_bundle.encoders import native
from bert_bundle.encoders.families import general


def test_an_encoder_of_no_family_is_refused_with_where_it_loads():
    with pytest.raises(errors.RuntimeUnavailableError, match=r"only the TensorFlow classes of .* @ encoder") as caught:
        native.build(general.of_name("XLNetModel"), {}, "encoder")
    assert caught.value.wanted == "TFXLNetModel"
    assert "transformers 4" in caught.value.fix
