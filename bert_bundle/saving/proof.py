"""The proof of a save: fresh processes of this interpreter replay the staged bundle, and the replay is graded.

They import user-defined layer classes from the modules that this process has them from. The names of these modules are
part of the request to a process; no bundle contains them.
"""

import json
import os
import site
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any, Dict, List, Mapping, Sequence

from bert_bundle.errors import ProofError, from_json
from bert_bundle.format.golden import Golden
from bert_bundle.format.open_bundle import OpenedBundle, open_bundle
from bert_bundle.grading import differences, grades
from bert_bundle.interpreter import installed, launch
from bert_bundle.interpreter.user_code import named
from bert_bundle.saving.save_steps import PROOF_DEFAULTS, PROOF_PINNED, SaveSteps

_FIX = "define the class at the top level of an importable module, or pass prove=False"
ONE_THREAD, EVERY_CORE = "one thread, no oneDNN", "every core, default kernels"
SECONDS = 1800  # for one replay: BERT-large with hundreds of examples needs minutes


def prove(
    path: str,
    in_memory: Mapping[str, bytes],
    golden: Golden,
    runtime: str,
    classes: Mapping[str, str],
    steps: SaveSteps,
) -> Dict[str, Dict[str, float]]:
    """Replay a staged bundle in two fresh processes; return the noise of threads and kernels, as in `Golden.measured`.

    One process is pinned like a worker, and its replay is graded. The other has every core and the default kernels of
    its release, as users have, and its predictions are compared with the noise floor.

    in_memory  the files of the bundle that are not staged yet, by path: JSON
    classes    the user-defined classes that the bundle needs, as `references` returns them
    steps      are told of the two proofs, from the calling thread

    Raises ProofError when either does not reproduce the golden's predictions.
    """
    files = {name: data.decode("ascii") for name, data in in_memory.items()}
    arguments = {"bundle": path, "files": files, "runtime": runtime, "classes": dict(classes), "path": _path()}
    for name in (PROOF_PINNED, PROOF_DEFAULTS):
        steps.begin(name)
    with ThreadPoolExecutor(2) as both:
        pinned = both.submit(_ask, "prove", arguments, launch.PINNED_SETTING)
        unpinned = both.submit(_ask, "predict", arguments, launch.USER_SETTING)
        for done in as_completed([pinned, unpinned]):
            if done.exception() is None:
                steps.end(PROOF_PINNED if done is pinned else PROOF_DEFAULTS)
        replay, predictions = pinned.result(), unpinned.result()
    figures = grades.judge(golden, replay)
    if figures.grade not in grades.SAME:
        raise ProofError(
            "the staged bundle does not reproduce the model's predictions",
            place=figures.first_layer or "predictions",
            wanted=" or ".join(grades.SAME),
            found="{}: {}".format(figures.grade, figures.reason),
            fix="this is a bug of bert_bundle or of the installed packages: report it with the model's graph",
        )
    measured = {
        ONE_THREAD: differences.native_differences(golden, replay["predictions"]),
        EVERY_CORE: differences.native_differences(golden, predictions),
    }
    for name, difference in measured[EVERY_CORE].items():
        if difference > golden.noise[name]:
            raise ProofError(
                "predictions differ when TensorFlow uses all cores and its default kernels",
                place=name,
                wanted="a difference of at most {:.1e} of the output's scale".format(golden.noise[name]),
                found="{:.1e}".format(difference),
                fix="search the issues of tensorflow for the op; TF_ENABLE_ONEDNN_OPTS=0 turns oneDNN off",
            )
    return measured


def _ask(task: str, arguments: Mapping[str, Any], setting: str) -> Any:
    """Return the answer of a fresh process of this interpreter, in that setting. Raises ProofError without one."""
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
            place=cause.place,
            wanted=cause.wanted,
            found=cause.found,
            fix=cause.fix,
        )
    if "done" not in answer:
        tail = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise ProofError("the proving process crashed", place=place, found="exit {} {}".format(done.returncode, tail))
    return answer["done"]


def references(classes: Mapping[str, Any]) -> Dict[str, str]:
    """Return name -> "module:qualified name". Raises ProofError for a class that cannot be imported by that name."""
    result = {}
    for name, cls in classes.items():
        found: Any = sys.modules.get(cls.__module__)
        for part in cls.__qualname__.split("."):
            found = getattr(found, part, None)
        if found is not cls or cls.__module__ == "__main__":
            raise ProofError(
                "a custom class that a fresh process cannot import",
                place=_place(name),
                wanted="a class that can be imported by its module and name",
                found="{}.{}".format(cls.__module__, cls.__qualname__),
                fix=_FIX,
            )
        result[name] = "{}:{}".format(cls.__module__, cls.__qualname__)
    return result


def imported(classes: Mapping[str, str], path: Sequence[str]) -> Dict[str, Any]:
    """Import the classes of `references`; `path` is searched after this process's own. Raises ProofError."""
    if classes:  # last, so that it hides no installed package; without classes the process stays isolated
        sys.path.extend(folder for folder in path if folder not in sys.path)
    result = {}
    for name, reference in classes.items():
        module, qualified = reference.split(":")
        try:
            found = named(module, qualified)
        except Exception as error:  # importing the user's module runs it
            raise ProofError(
                "a custom class that a fresh process cannot import",
                place=_place(name),
                wanted=reference,
                found="{}: {}".format(type(error).__name__, error),
                fix=_FIX,
            ) from error
        result[name] = found
    return result


def staged_bundle(path: str, files: Mapping[str, str]) -> OpenedBundle:
    """Open the staged bundle at `path` in a proving process, with the `files` that are not staged yet, by path."""
    return open_bundle(path, {name: text.encode("ascii") for name, text in files.items()})


def _path() -> List[str]:
    return [os.path.abspath(folder) for folder in sys.path if isinstance(folder, str)]


def _place(name: str) -> str:
    return "custom_objects " + name
