"""Live tokenizers of transformers 5: the files and the ids of transformers 4 from the same tokenizer."""

import os

import pytest
import transformers
from pinned_ids import unequal

from bert_bundle import errors
from bert_bundle import tokenizer as tokenizers
from bert_bundle.classifiers import vocabularies

CLASSES = {**vocabularies.FAMILIES, "electra": "BertTokenizer"}  # what transformers 5 calls ELECTRA's


def read(family, files, folder):
    for path, data in files.items():
        (folder / os.path.basename(path)).write_bytes(data)
    return getattr(transformers, vocabularies.FAMILIES[family]).from_pretrained(str(folder), model_max_length=64)


@pytest.mark.parametrize("family", [family for family in vocabularies.FAMILIES if family != "deberta-v2"])
def test_its_files_and_ids_are_those_of_transformers_4(family, tmp_path):
    live = read(family, vocabularies.describe(family).to_files(), tmp_path)
    files = tokenizers.to_files(live)
    assert files == vocabularies.describe(family, tokenizer_class=CLASSES[family]).to_files()
    assert unequal(live, family) == []
    assert unequal(tokenizers.from_files(files, fast=True, runtime="native"), family) == []


def test_deberta_s_is_refused_because_its_steps_are_others_than_those_of_transformers_4(tmp_path):
    live = read("deberta-v2", vocabularies.describe("deberta-v2").to_files(), tmp_path)
    with pytest.raises(errors.TokenizerError, match="a tokenizer whose steps are not DeBERTa's"):
        tokenizers.to_files(live)


def test_a_mask_that_leaves_the_space_before_it_is_kept_so(tmp_path):
    """From the slow layout alone, transformers 5 makes a mask of another kind than transformers 4."""
    live = read("roberta", vocabularies.describe("roberta").model.files(), tmp_path)
    files = tokenizers.to_files(live)
    assert files == vocabularies.describe("roberta", mask_token_lstrip=False).to_files()
    again = tokenizers.from_files(files, fast=True, runtime="native")
    assert again("a <mask> b")["input_ids"] == live("a <mask> b")["input_ids"]
