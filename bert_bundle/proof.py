"""The proof of a save: the staged bundle replayed by a fresh process of this interpreter and judged.

Classes of the caller's own that the model is kept with are imported by that process from the modules that this one has
them from: where they are is said by the one process to the other, and stands in no bundle.
"""

import importlib
import json
import os
import site
import subprocess
import sys
from typing import Any, Dict, List, Mapping, Sequence

from . import isolation, numerics
from .errors import ProofError, from_json
from .format.golden import Golden

_FIX = "put the class at the top of a module of its own and import it from there, or pass prove=False"
SECONDS = 1800  # for one replay: BERT-large with hundreds of examples needs minutes


def prove(path: str, golden: Golden, runtime: str, classes: Mapping[str, str]) -> numerics.Figures:
    """The figures of a replay that gives the golden's predictions again; ProofError when it does not.

    `classes`: those of the caller's own that the bundle needs, as `references` names them.
    """
    arguments = {"bundle": path, "runtime": runtime, "classes": dict(classes), "path": _path()}
    request = json.dumps({"id": 1, "do": "prove", "arguments": arguments}) + "\n"
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


def references(classes: Mapping[str, Any]) -> Dict[str, str]:
    """Name -> "module:qualified name" of each class. Raises ProofError for one that is not found there again."""
    result = {}
    for name, cls in classes.items():
        found: Any = sys.modules.get(cls.__module__)
        for part in cls.__qualname__.split("."):
            found = getattr(found, part, None)
        if found is not cls or cls.__module__ == "__main__":
            raise ProofError(
                "a custom class that a fresh process cannot import",
                place=_place(name),
                wanted="a class that its module has by its name",
                found="{}.{}".format(cls.__module__, cls.__qualname__),
                fix=_FIX,
            )
        result[name] = "{}:{}".format(cls.__module__, cls.__qualname__)
    return result


def imported(classes: Mapping[str, str], path: Sequence[str]) -> Dict[str, Any]:
    """The classes of `references`, imported here; `path` is looked at after this process' own. Raises ProofError."""
    if classes:  # last, so that nothing installed is hidden; without classes the process stays as isolated as any
        sys.path.extend(folder for folder in path if folder not in sys.path)
    result = {}
    for name, reference in classes.items():
        module, qualified = reference.split(":")
        try:
            found: Any = importlib.import_module(module)
            for part in qualified.split("."):
                found = getattr(found, part)
        except Exception as error:  # the caller's module, run from its top
            raise ProofError(
                "a custom class that a fresh process cannot import",
                place=_place(name), wanted=reference, found="{}: {}".format(type(error).__name__, error), fix=_FIX,
            ) from error  # fmt: skip
        result[name] = found
    return result


def _path() -> List[str]:
    return [os.path.abspath(folder) for folder in sys.path if isinstance(folder, str)]


def _place(name: str) -> str:
    return "custom_objects " + name
