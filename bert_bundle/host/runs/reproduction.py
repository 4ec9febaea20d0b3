"""One disagreement as one file that anybody can run: owns the script's text, and what running it does.

The file holds the classifier, both environments and their locks, so it needs neither the repository nor the run that
found it: Python 3.11, uv and this package.
"""

import json
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bert_bundle.errors import AS_EXPECTED, NOT_AS_EXPECTED, ConfigError
from bert_bundle.host.config.matrix_file import Environment, Tolerances
from bert_bundle.host.environments.locks import FOLDER
from bert_bundle.host.environments.prepare import prepare
from bert_bundle.host.runs.local_executor import Local
from bert_bundle.host.runs.run import Reproduction, RunOptions, cross
from bert_bundle.host.runs.shrink import Smallest

_SCRIPT = '''\
"""{title}

Run it with Python 3.11 or newer where `pip install 'bert-bundle[matrix]'` was said: it makes both environments from the
locks below, saves the classifier in one and loads it in the other. It ends with 1 while they disagree, and with 0 when
they no longer do.
"""

import sys

from bert_bundle.host.runs.reproduction import reproduce

# Of bert_bundle/classifiers/specification.py; what is not said is as in CLASSIC there.
SPECIFICATION = {specification}

# Held against this largest difference of float64 replays, in units of the output's scale.
FLOAT64_TOLERANCE = {float64_tolerance}

# A fault that was planted in the reader on purpose, to see that it is found.
FAULT = {fault}

WRITER = {writer}

READER = {reader}

LOCKS = {{}}
{locks}
if __name__ == "__main__":
    sys.exit(reproduce(SPECIFICATION, WRITER, READER, LOCKS, float64_tolerance=FLOAT64_TOLERANCE, fault=FAULT))
'''


def write(
    smallest: Smallest, environments: Mapping[str, Environment], locks: Path, folder: Path, terms: RunOptions
) -> Reproduction:
    """Writes the script for `smallest` into `folder`, over an older one of the same pair.

    `environments` by id; their lock files lie in `locks`. Raises ConfigError when the folder cannot be used.
    """
    verdict = smallest.verdict
    pair = verdict.writer, verdict.reader
    texts = {name: (locks / f"{name}.txt").read_text("utf-8") for name in dict.fromkeys(pair)}
    where = f", first in {verdict.first_layer}" if verdict.first_layer else ""
    script = _SCRIPT.format(
        title=_docstring(f"{verdict.grade}{where}: saved in {pair[0]}, loaded in {pair[1]}."),
        specification=_literal(smallest.specification),
        float64_tolerance=repr(terms.policy.double),
        fault=repr(terms.faults.get(verdict.reader, "")),
        writer=_literal(environments[pair[0]].model_dump(mode="json")),
        reader=_literal(environments[pair[1]].model_dump(mode="json")),
        locks="".join(f'\nLOCKS[{name!r}] = """\\\n{_docstring(text)}"""\n' for name, text in texts.items()),
    )
    path = folder / (re.sub(r"[^A-Za-z0-9._-]+", "-", "-".join(("repro", *pair, verdict.grade))) + ".py")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(script, "utf-8")
    except OSError as error:
        raise ConfigError(
            "the reproduction cannot be written", place=path, found=error.strerror, fix="name another folder"
        ) from error
    return Reproduction(specification=smallest.specification, verdict=verdict, tried=smallest.tried, script=path)


def reproduce(
    specification: Mapping[str, Any],
    writer: Mapping[str, Any],
    reader: Mapping[str, Any],
    locks: Mapping[str, str],
    *,
    float64_tolerance: float,
    fault: str = "",
) -> int:
    """Saves the classifier in `writer`, loads it in `reader`, prints the verdict; 1 where it is not as expected.

    `writer` and `reader` are rows of a matrix file with their ids, `locks` their lock files by id. Raises ConfigError
    and EnvironmentNotMadeError as a run does.
    """
    rows = [Environment.model_validate_json(json.dumps(row)) for row in (writer, reader)]
    terms = RunOptions(policy=Tolerances(double=float64_tolerance), faults={rows[1].id: fault} if fault else {})
    with tempfile.TemporaryDirectory(prefix="bert-bundle-") as name:
        folder = Path(name, FOLDER)
        folder.mkdir()
        for row, text in locks.items():
            (folder / f"{row}.txt").write_text(text, "utf-8")
        places = prepare(rows, folder, progress=_say)
        found = cross(
            places[:1], places[1:], [dict(specification)],
            folder=Path(name, "bundles"), executor=Local(1), progress=_say, terms=terms,
        )  # fmt: skip
    (verdict,) = found.verdicts
    layer = f" (first layer that differs: {verdict.first_layer})" if verdict.first_layer else ""
    print(f"{verdict.grade}: {verdict.reason}{layer}")
    return AS_EXPECTED if verdict.as_expected else found.exit_code or NOT_AS_EXPECTED


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _literal(record: Any) -> str:
    """Plain data as Python, one entry of an object on a line."""
    if not isinstance(record, Mapping):
        return repr(record)
    return "{\n" + "".join(f"    {key!r}: {value!r},\n" for key, value in record.items()) + "}"


def _docstring(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
