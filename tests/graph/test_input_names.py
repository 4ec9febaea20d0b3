"""What the names of inputs say: forms seen in public code, and names that say nothing."""

import pytest

from bert_bundle.graph import input_names

FORMS = {
    "input_ids": "input_ids ids InputIds input_IDs Text_Input_Ids input_word_ids word_ids left_input_ids input_ids_2 "
    "ids1 question_type_input_ids masked_input_ids tokens token_ids inputids",
    "attention_mask": "attention_mask mask masks input_mask InputMask att_mask attn_mask token_mask body_mask mask_ids "
    "attention_mask2 attentionmask title_attention_masks input_masks_ids",
    "token_type_ids": "token_type_ids segment_ids segments token_types tokenTypeIds SegmentIDs input_type_ids type_ids "
    "left_token_type_ids token_type_ids_right in_segment seg_ids",
    "feature": "position_ids input_positions",
}
SILENT = ["input_1", "", "input_layer_3", "text", "numerical_features", "型", "größe der Maske", "segment_mask", "x"]


@pytest.mark.parametrize(("role", "name"), [(role, name) for role, names in FORMS.items() for name in names.split()])
def test_a_name_says_its_role_with_prefix_and_suffix_in_any_case(role: str, name: str) -> None:
    assert input_names.role_of(name) == role


@pytest.mark.parametrize("name", SILENT)
def test_a_name_without_a_role_or_with_two_says_nothing(name: str) -> None:
    assert input_names.role_of(name) is None
