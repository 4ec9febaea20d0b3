"""A card that is written anew: what its owner wrote stays, what was generated is of this bundle."""

from typing import Any

import pytest
import yaml
from support.hub_card import card_data, card_of
from support.made_up_bundles import golden, manifest
from support.paths import ROOT

from bert_bundle.card import marks
from bert_bundle.card.card import card, is_generated, updated
from bert_bundle.errors import FormatError

AUDIT = ["## Last audit", "", "All as expected."]


def again(old: str, **fields: Any) -> str:
    audit = fields.pop("audit", None)
    return updated(old.encode("utf-8"), "router", manifest(**fields), golden(), audit=audit).decode("utf-8")


def fresh(**fields: Any) -> str:
    return card("router", manifest(**fields), golden()).decode("utf-8")


def test_a_card_that_is_written_anew_is_the_same() -> None:
    assert again(fresh()) == fresh()
    assert again("") == fresh()


def test_text_and_keys_of_its_owner_stay_where_they_are() -> None:
    old = fresh(metadata={"license": "mit"})
    edited = (
        old.replace(marks.FRONT_END, marks.FRONT_END + "\nthumbnail: x.png  # mine\nlicense: cc-by-4.0")
        .replace(marks.BEGIN, "Before.\n\n" + marks.BEGIN)
        .replace(marks.END, marks.END + "\n\n## Limits\n\nNot for medicine.")
    )
    new = again(edited, metadata={"license": "mit"}, labels=("cold", "warm"))
    assert card_data(new)["license"] == "cc-by-4.0"
    assert "thumbnail: x.png  # mine\n" in new
    assert "Labels: cold, warm." in new
    assert "Labels: no, yes." not in new
    assert new.index("Before.") < new.index(marks.BEGIN) < new.index(marks.END) < new.index("Not for medicine.")
    assert again(new, metadata={"license": "mit"}, labels=("cold", "warm")) == new


def test_what_was_written_between_the_marks_is_written_anew() -> None:
    assert again(fresh().replace("Labels: no, yes.", "Labels: yes!")) == fresh()


@pytest.mark.parametrize("old", ["# Mine\n\nText.\n", "---\nlicense: mit\ntags: [a]\n---\n# Mine\n\nText.\n"])
def test_a_card_of_its_owner_gets_the_generated_parts_above_its_text(old: str) -> None:
    new = again(old, metadata={"license": "apache-2.0"})
    assert new.endswith("\n# Mine\n\nText.\n")
    found = card_data(new)
    assert found["library_name"] == "bert_bundle"
    assert found["license"] == ("mit" if "mit" in old else "apache-2.0")
    assert again(new, metadata={"license": "apache-2.0"}) == new


def test_a_card_that_huggingface_hub_rewrote_is_updated() -> None:
    loaded = card_of(fresh(metadata={"license": "mit"}))
    loaded.data["tags"] = ["mine"]
    new = again(str(loaded), metadata={"license": "mit"})
    data = card_data(new)
    assert data == {
        "library_name": "bert_bundle",
        "license": "mit",
        "pipeline_tag": "text-classification",
        "tags": ["mine"],
    }
    assert new.count(marks.BEGIN) == 1


def test_a_card_of_the_time_before_marks_is_replaced() -> None:
    old = (ROOT / "tests/compat/classic-tf2.4/README.md").read_text("utf-8")
    assert again(old) == fresh()
    assert again(old + "\nMine.\n").endswith(marks.END + "\n\nMine.\n")
    assert again("# classic\n\nA text classifier around my dog.\n").endswith("A text classifier around my dog.\n")


def test_an_audit_is_kept_for_this_bundle_and_dropped_for_another() -> None:
    with_audit = again(fresh(), audit=AUDIT)
    assert with_audit.count("\n".join(AUDIT)) == 1
    assert again(with_audit) == with_audit
    moved = with_audit.replace(marks.END, marks.END + "\nBetween.")
    assert again(moved, audit=["## Last audit", "", "One refused."]) == moved.replace(
        "All as expected.", "One refused."
    )
    other = again(moved, labels=("cold", "warm"))
    assert "Last audit" not in other
    assert "Between." in other


def test_line_ends_and_byte_order_mark_of_windows() -> None:
    windows = ("\ufeff" + fresh() + "Mine.\n").replace("\n", "\r\n")
    assert again(windows) == (fresh() + "Mine.\n").replace("\n", "\r\n")


@pytest.mark.parametrize(
    "broken",
    [
        fresh().replace(marks.END, ""),
        fresh().replace(marks.BEGIN, ""),
        fresh() + marks.BEGIN + "\n" + marks.END,
        fresh().replace(marks.FRONT_END, ""),
        fresh() + marks.AUDIT_END + "\n",
    ],
)
def test_marks_that_are_not_pairs_are_refused(broken: str) -> None:
    with pytest.raises(FormatError, match="the marks of the card are not a pair") as caught:
        again(broken)
    assert caught.value.place == "README.md"


def test_a_card_that_is_not_text_is_refused() -> None:
    with pytest.raises(FormatError, match="the card is not text"):
        updated(b"\xff\xfe\x00", "router", manifest(), golden())


@pytest.mark.parametrize(
    "signature",
    [{}, {"inputs": None, "outputs": []}, {"inputs": [3], "outputs": []}, {"inputs": [], "outputs": [{"name": "o"}]},
     {"inputs": [{"name": "x", "role": "feature", "shape": [], "dtype": "float32"}], "outputs": []}],
)  # fmt: skip
def test_a_forged_manifest_is_refused(signature: dict[str, Any]) -> None:
    with pytest.raises(FormatError, match="the manifest is malformed") as caught:
        again("", signature=signature)
    assert caught.value.place == "bundle.json"


def test_a_mark_in_a_label_is_no_mark() -> None:
    hostile = fresh(labels=(marks.END, marks.BEGIN, marks.FRONT_END), metadata={"license": marks.FRONT_END})
    assert again(hostile, labels=("no", "yes")) == fresh()


def test_a_card_without_marks_is_its_owners() -> None:
    assert is_generated(b"")
    assert is_generated(fresh().encode("utf-8"))
    assert not is_generated(b"# Mine\n")


def test_front_matter_that_never_ends_is_text() -> None:
    new = again("---\nlicense: mit\n")
    assert yaml.safe_load(new.split("---\n")[1]) == {
        "library_name": "bert_bundle",
        "pipeline_tag": "text-classification",
    }
    assert new.endswith("---\nlicense: mit\n")
