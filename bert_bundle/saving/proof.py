"""The proof of a save: the staged bundle replayed by fresh processes of this interpreter and judged.

Classes of the caller's own that the model is kept with are imported by these processes from the modules that this one
has them from: where they are is said by one process to another, and stands in no bundle.
"""

import importlib
import json
import os
import site
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Dict, List, Mapping, Sequence

from bert_bundle.errors import ProofError, from_json
from bert_bundle.format.golden import Golden
from bert_bundle.grading import differences, grades
from bert_bundle.interpreter import installed, launch

_FIX = "put the class at the top of a module of its own and import it from there, or pass prove=False"
ONE_THREAD, EVERY_CORE = "one thread, no oneDNN", "every core, default kernels"
SECONDS = 1800  # for one replay: BERT-large with hundreds of examples needs minutes


def prove(path: str, golden: Golden, runtime: str, classes: Mapping[str, str]) -> Dict[str, Dict[str, float]]:
    """What threads and kernels move, as `Golden.measured` has it, of a staged bundle that two fresh processes replay.

    One is pinned as a worker is, and its replay is judged; one has every core and its release's own choice of kernels,
    as users do, and its predictions are held against the noise floor. ProofError where either does not give the
    golden's predictions again.
    `classes`: those of the caller's own that the bundle needs, as `references` names them.
    """
    arguments = {"bundle": path, "runtime": runtime, "classes": dict(classes), "path": _path()}
    with ThreadPoolExecutor(2) as both:
        still = both.submit(_ask, "prove", arguments, launch.PINNED_SETTING)
        free = both.submit(_ask, "predict", arguments, launch.USER_SETTING)
        replay, predictions = still.result(), free.result()
    figures = grades.judge(golden, replay)
    if figures.grade not in grades.SAME:
        raise ProofError(
            "the staged bundle does not give the model's predictions again",
            place=figures.first_layer or "predictions",
            wanted=" or ".join(grades.SAME),
            found="{}: {}".format(figures.grade, figures.reason),
            fix="this is a fault of bert_bundle or of the installed packages: report the model's graph",
        )
    measured = {
        ONE_THREAD: differences.native_differences(golden, replay["predictions"]),
        EVERY_CORE: differences.native_differences(golden, predictions),
    }
    for name, off in measured[EVERY_CORE].items():
        if off > golden.noise[name]:
            raise ProofError(
                "the predictions are others with every core and the default kernels, which is how users run TensorFlow",
                place=name,
                wanted="at most {:.1e} of the scale apart".format(golden.noise[name]),
                found="{:.1e}".format(off),
                fix="look for the op in the issues of tensorflow; TF_ENABLE_ONEDNN_OPTS=0 turns oneDNN off",
            )
    return measured


def _ask(task: str, arguments: Mapping[str, Any], setting: str) -> Any:
    """The answer of a fresh process of this interpreter, in that setting. Raises ProofError without one."""
    place = arguments["bundle"]
    request = json.dumps({"id": 1, "do": task, "arguments": arguments}) + "\n"
    try:
        done = subprocess.run(
            launch.command(sys.executable, "bert_bundle.worker", setting, user_site=bool(site.ENABLE_USER_SITE)),
            input=request.encode("ascii"),
            capture_output=True,
            env=launch.environment(os.environ.get(installed.KERAS_BACKEND), setting),
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ProofError("the proof took too long", place=place, wanted="{} seconds".format(SECONDS)) from None
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
        raise ProofError("the proving process died", place=place, found="exit {} {}".format(done.returncode, tail))
    return answer["done"]


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
