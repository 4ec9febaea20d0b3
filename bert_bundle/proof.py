"""The proof of a save: the staged bundle replayed by a fresh process of this interpreter and judged."""

import json
import os
import site
import subprocess
import sys
from typing import Any

from . import isolation, numerics
from .errors import ProofError, from_json
from .format.golden import Golden

SECONDS = 1800  # for one replay: BERT-large with hundreds of examples needs minutes


def prove(path: str, golden: Golden, runtime: str) -> numerics.Figures:
    """The figures of a replay that gives the golden's predictions again; ProofError when it does not."""
    request = json.dumps({"id": 1, "do": "replay", "arguments": {"bundle": path, "runtime": runtime}}) + "\n"
    try:
        done = subprocess.run(
            isolation.command(sys.executable, "bert_bundle.worker", user_site=bool(site.ENABLE_USER_SITE)),
            input=request.encode("ascii"),
            capture_output=True,
            env=isolation.environment(os.environ.get(isolation.KERAS_BACKEND)),
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ProofError("the proof took too long", place=path, wanted="{} seconds".format(SECONDS)) from None
    answer: Any = {}
    for line in done.stdout.splitlines():
        answer = json.loads(line.decode("ascii"))
    if "error" in answer:
        cause = from_json(answer["error"])
        raise ProofError(
            "a fresh process could not load the staged bundle: " + cause.message,
            place=cause.place, wanted=cause.wanted, found=cause.found, fix=cause.fix,
        )  # fmt: skip
    if "done" not in answer:
        tail = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise ProofError("the proving process died", place=path, found="exit {} {}".format(done.returncode, tail))
    figures = numerics.judge(golden, answer["done"])
    if figures.grade not in numerics.SAME:
        raise ProofError(
            "the staged bundle does not give the model's predictions again",
            place=figures.first_layer or "predictions",
            wanted=" or ".join(numerics.SAME),
            found="{}: {}".format(figures.grade, figures.reason),
            fix="this is a fault of bert_bundle or of the installed packages: report the model's graph",
        )
    return figures
