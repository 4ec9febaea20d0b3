"""The call of a card runs as it stands: cards of many classifiers, executed one after the other in TensorFlow 2.15."""

import json
import subprocess
from pathlib import Path
from typing import Any

from support.environments import WRITER, environment

from bert_bundle.classifiers import catalogue, specification
from bert_bundle.host.workers.worker import Worker
from bert_bundle.interpreter import launch

NAMES = (
    "several_outputs", "multilabel", "regression", "one_probability", "tagger", "spans", "siamese", "two_encoders",
    "image_beside_text", "unnamed_inputs", "length_left_open", "dict_of_inputs", "class_with_a_head_by_itself",
)  # fmt: skip
DRAWN: dict[str, dict[str, Any]] = {
    "more-inputs": {
        "extra": [
            {"name": "price", "shape": [1], "dtype": "float32"},
            {"name": "sizes", "shape": [2], "dtype": "int32"},
            {"name": "large", "shape": [40], "dtype": "float32"},
        ]
    },
    "siamese-features": {"towers": "siamese", "inputs": "odd"},
}

# Prints, by name of the bundle, what its card printed, or the error.
RUN = r"""
import contextlib, io, json, os, re, sys, traceback
said = {}
for name in sys.argv[1:]:
    text = open(os.path.join(name, "README.md"), encoding="utf-8").read()
    (code,) = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    with contextlib.redirect_stdout(io.StringIO()) as out:
        try:
            exec(compile(code, name, "exec"), {})
        except Exception:
            out = io.StringIO(traceback.format_exc())
            said[name] = {"error": out.getvalue()}
            continue
    said[name] = {"printed": out.getvalue()}
print(json.dumps(said))
"""


def test_the_calls_of_fifteen_cards_run_and_print_predictions(writer: Worker, tmp_path: Path) -> None:
    specifications = {spec["name"]: spec for spec in catalogue.specifications() if spec["name"] in NAMES}
    assert set(specifications) == set(NAMES)
    drawn = {name: {**specification.CLASSIC, "name": name, "seed": 5, **more} for name, more in DRAWN.items()}
    wanted = {**specifications, **drawn}
    for name, spec in wanted.items():
        writer.ask("generate", specification=spec, target=str(tmp_path / name))
    (tmp_path / "run.py").write_text(RUN)
    done = subprocess.run(
        launch.command(str(environment(WRITER).python), str(tmp_path / "run.py"), *wanted),
        env=launch.environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert {name: found["error"] for name, found in said.items() if "error" in found} == {}
    assert all("[" in found["printed"] for found in said.values())
    assert len(said) == len(wanted) >= 15
