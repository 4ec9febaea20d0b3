"""What an owner noted of the original: an .npz file or a JSON object, told by its bytes."""

import json
from pathlib import Path

import numpy as np
import pytest

from bert_bundle.errors import FormatError
from bert_bundle.rescuing.reference import read

NOTED: dict[str, list[list[float]]] = {"input_ids": [[1, 2], [3, 4]], "predictions": [[0.25, 0.75], [1.0, 0.0]]}


def test_both_formats_give_the_same_arrays_whatever_the_file_is_called(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_text(json.dumps(NOTED))
    with open(tmp_path / "b.json", "wb") as file:
        np.savez(file, input_ids=NOTED["input_ids"], predictions=NOTED["predictions"])
    for name in ("a.npz", "b.json"):
        found = read(tmp_path / name)
        assert {key: array.tolist() for key, array in found.items()} == NOTED


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1, 2]", "a reference that is not an object of arrays"),
        ('{"predictions": [[1], [2, 3]]}', "not a rectangular list of numbers"),
        ('{"predictions": ["a"]}', "not a rectangular list of numbers"),
        ('{"predictions": [true]}', "not a rectangular list of numbers"),
        ("no JSON", "not JSON"),
    ],
)
def test_what_is_not_an_array_of_numbers_is_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "noted.json").write_text(text)
    with pytest.raises(FormatError, match=message):
        read(tmp_path / "noted.json")


def test_a_pickle_in_an_npz_file_is_never_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "noted.npz", predictions=np.array([{"a": 1}], object))
    with pytest.raises(FormatError, match="a reference that cannot be read"):
        read(tmp_path / "noted.npz")
