"""The commands in real environments: the demo, every writer and reader of `ci`, and the real MiniLM classifier."""

import json
import re
from pathlib import Path

import pytest
from support.bundle_files import read_golden
from support.command_line import SAME, bert_bundle

from bert_bundle.classifiers import catalogue
from bert_bundle.encoders import families
from bert_bundle.host.report.formats import FORMATS

LEFT_OUT = {  # what transformers 4.12 cannot write
    *("_".join(filter(None, ["deberta-v2", head])) for head in ("", *families.HEADS)),
    "of_no_family_Deberta",
}
DRAWN = 8  # classifiers that each environment of `ci` writes: the classic, and what Hypothesis draws


def test_the_demo_ends_with_three_environments_that_agree(tmp_path: Path) -> None:
    files = {form: tmp_path / f"report.{form}" for form in FORMATS}
    reports = ",".join(f"{form}={path}" for form, path in files.items())
    code, document = bert_bundle("demo", "--out", tmp_path / "demo", "--report", reports)
    assert code == 0
    assert json.loads(files["json"].read_text("utf-8")) == document
    assert files["markdown"].read_text("utf-8").startswith(f"Saved `{tmp_path / 'demo'}`, accuracy ")
    assert 'tests="3" failures="0" errors="0"' in files["junit"].read_text("utf-8")
    assert document["accuracy"] > 0.5  # four labels: chance is 0.25
    verdicts = document["verdicts"]
    assert len(verdicts) == 3
    assert {v["grade"] for v in verdicts} <= SAME


def test_every_environment_reads_every_classifier_that_every_other_writes() -> None:
    code, document = bert_bundle("matrix", "run", "--groups", "ci", "--examples", str(DRAWN), "--seed", "0")
    assert code == 0, document["reproductions"]
    verdicts = document["verdicts"]
    pairs = {(v["writer"], v["reader"]) for v in verdicts}
    assert len(pairs) == 36
    assert len(verdicts) == 36 * DRAWN
    assert all(v["as_expected"] and v["grade"] in SAME for v in verdicts)
    newest, oldest = "tf2.21-hf4.57-py3.13", "tf2.6-hf4.12-py3.8"
    assert {(newest, oldest), (oldest, newest)} <= pairs
    assert {v["grade"] for v in verdicts if v["writer"] == v["reader"]} == {"bitwise"}


def test_keras_3_on_any_backend_and_the_oldest_tensorflow_read_each_other() -> None:
    oldest = "tf2.4-hf4.5-py3.8"
    native = ("tf2.21-hf5.23-py3.13", "keras3.15-tf2.21-py3.13", "keras3.15-jax0.12-py3.13")
    selection = [part for name in (oldest, *native) for part in ("--env", name)]
    code, document = bert_bundle("matrix", "run", *selection)
    assert code == 0
    verdicts = document["verdicts"]
    assert {(v["writer"], v["reader"]) for v in verdicts} == {
        (w, r) for w in (oldest, *native) for r in (oldest, *native)
    }
    assert {v["grade"] for v in verdicts} <= SAME
    assert {v["grade"] for v in verdicts if v["writer"] == v["reader"]} == {"bitwise"}
    assert document["spread"]["largest"] < 5e-7


def test_every_way_to_write_a_classifier_is_one_graph_in_both_and_one_function_in_the_other(tmp_path: Path) -> None:
    newest, oldest = "tf2.21-hf4.57-py3.13", "tf2.6-hf4.12-py3.8"
    selection = ("--env", newest, "--env", oldest, "--readers", newest)
    code, document = bert_bundle("matrix", "run", "--classifiers", "catalogue", *selection, "--keep", tmp_path / "made")
    assert code == 0, [v for v in document["verdicts"] if not v["as_expected"]]
    names = [specification["name"] for specification in catalogue.specifications()]
    assert {Path(found["bundle"]).name.partition("-")[2] for found in document["left_out"]} == LEFT_OUT
    assert {found["writer"] for found in document["left_out"]} == {oldest}
    assert len(document["verdicts"]) == 2 * len(names) - len(LEFT_OUT)
    assert {v["grade"] for v in document["verdicts"]} <= SAME
    shared = {f"{i}-{name}": name for i, name in enumerate(names) if name not in LEFT_OUT}
    written = {writer: [tmp_path / "made" / writer / folder for folder in shared] for writer in (newest, oldest)}
    graphs = {
        writer: [unnumbered((path / "graph.json").read_text()) for path in paths] for writer, paths in written.items()
    }
    assert graphs[newest] == graphs[oldest]
    layers = {
        writer: [[unnumbered(layer) for layer, _ in read_golden(str(path)).layers] for path in paths]
        for writer, paths in written.items()
    }
    assert layers[newest] == layers[oldest]
    for name, case in zip(shared.values(), layers[oldest], strict=True):
        assert any("hidden_states.1" in layer for layer in case), name


def unnumbered(text: str) -> str:
    """Return `text` without the number of a dropout to which transformers gives no name, in its class of choices."""
    return re.sub(r"\bdropout_\d{3,}\b", "dropout", text)


@pytest.fixture(scope="module")
def minilm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MiniLM with a head fine-tuned on movie-review snippets, saved by TensorFlow 2.15."""
    path = tmp_path_factory.mktemp("minilm") / "reviews"
    code, document = bert_bundle("demo", "--encoder", "minilm", "--out", path)
    assert code == 0
    assert document["accuracy"] > 0.7
    return path


def test_a_real_classifier_keeps_every_label_in_all_six_environments(minilm: Path) -> None:
    code, document = bert_bundle("audit", minilm, "--groups", "ci")
    assert code == 0
    verdicts = document["verdicts"]
    assert len(verdicts) == document["summary"]["as_expected"] == 6
    assert {v["labels_changed"] for v in verdicts} == {0}
    assert len({v["accuracy"] for v in verdicts}) == 1
    texts = json.loads((minilm / "golden" / "inputs.json").read_text("utf-8"))["texts"]["text"]
    assert len(texts) >= 200
    assert all(v["double"] < 5e-7 for v in verdicts)


def test_verify_without_tensorflow_here_says_where_it_ran(minilm: Path) -> None:
    code, document = bert_bundle("verify", minilm)
    assert code == 0
    assert document["grade"] in SAME
    assert "tf2.15" in document["reader"]
