"""A script that reproduces one disagreement: its text, and what running it does.

The script holds the classifier, both environments and their locks. It needs Python 3.11, uv and this package, but
neither the repository nor the run that found the disagreement.
"""

import json
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from bert_bundle.errors import AS_EXPECTED, NOT_AS_EXPECTED, ConfigError
from bert_bundle.host.config.matrix_file import Environment, Tolerances
from bert_bundle.host.environments.locks import FOLDER
from bert_bundle.host.environments.prepare import prepare
from bert_bundle.host.runs.local_executor import Local
from bert_bundle.host.runs.run import Reproduction, cross
from bert_bundle.host.runs.run_options import RunOptions
from bert_bundle.host.runs.shrink import Smallest
from bert_bundle.host.runs.verdict import FIRST_LAYER
from bert_bundle.host.workers.worker import Entry

_SCRIPT = '''\
"""{title}

Run it with Python 3.11 or newer after `pip install 'bert-bundle[matrix]'`. It makes both environments from the locks
below, saves the classifier in one and loads it in the other. It exits with 1 while they disagree and with 0 once they
agree.
"""

import sys

from bert_bundle.host.runs.reproduction import reproduce

# See bert_bundle/classifiers/specification.py; fields that are left out are those of CLASSIC there.
SPECIFICATION = {specification}

# The largest difference of float64 replays that counts as agreement, in units of the output's scale.
FLOAT64_TOLERANCE = {float64_tolerance}

WRITER = {writer}

READER = {reader}

LOCKS = {{}}
{locks}
if __name__ == "__main__":
    sys.exit(reproduce(SPECIFICATION, WRITER, READER, LOCKS, float64_tolerance=FLOAT64_TOLERANCE))
'''


def write(
    smallest: Smallest, environments: Mapping[str, Environment], locks: Path, folder: Path, options: RunOptions
) -> Reproduction:
    """Write the script for `smallest` into `folder`, replacing an older one for the same pair.

    `environments` by id; their lock files are in `locks`. Raises ConfigError if the folder cannot be used.
    """
    verdict = smallest.verdict
    pair = verdict.writer, verdict.reader
    texts = {name: (locks / f"{name}.txt").read_text("utf-8") for name in dict.fromkeys(pair)}
    where = f", first in {verdict.first_layer}" if verdict.first_layer else ""
    script = _SCRIPT.format(
        title=_docstring(f"{verdict.grade}{where}: saved in {pair[0]}, loaded in {pair[1]}."),
        specification=_literal(smallest.specification),
        float64_tolerance=repr(options.tolerances.double),
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
    specification: Mapping[str, object],
    writer: Mapping[str, object],
    reader: Mapping[str, object],
    locks: Mapping[str, str],
    *,
    float64_tolerance: float,
    entries: Mapping[str, Entry] = MappingProxyType({}),
) -> int:
    """Save the classifier in `writer`, load it in `reader`, print the verdict; return 1 if it is not as expected.

    `writer` and `reader` are rows of a matrix file with their ids, `locks` their lock files by id, `entries` as in
    `RunOptions`. Raises ConfigError and EnvironmentNotMadeError as a run does.
    """
    rows = [Environment.model_validate_json(json.dumps(row)) for row in (writer, reader)]
    options = RunOptions(tolerances=Tolerances(double=float64_tolerance), entries=entries)
    with tempfile.TemporaryDirectory(prefix="bert-bundle-") as name:
        folder = Path(name, FOLDER)
        folder.mkdir()
        for row, text in locks.items():
            (folder / f"{row}.txt").write_text(text, "utf-8")
        environments = prepare(rows, folder, progress=_say)
        found = cross(
            environments[:1],
            environments[1:],
            [dict(specification)],
            folder=Path(name, "bundles"),
            executor=Local(1),
            progress=_say,
            options=options,
        )
    (verdict,) = found.verdicts
    layer = f" ({FIRST_LAYER}: {verdict.first_layer})" if verdict.first_layer else ""
    print(f"{verdict.grade}: {verdict.reason}{layer}")
    return AS_EXPECTED if verdict.as_expected else found.exit_code or NOT_AS_EXPECTED


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _literal(record: object) -> str:
    """Return plain data as Python source, one entry of a mapping per line."""
    if not isinstance(record, Mapping):
        return repr(record)
    return "{\n" + "".join(f"    {key!r}: {value!r},\n" for key, value in record.items()) + "}"


def _docstring(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
