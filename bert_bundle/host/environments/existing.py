"""An environment that is there already and is not this package's: looked at and run in, never changed."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from bert_bundle.errors import EnvironmentNotMadeError
from bert_bundle.host.environments.environment import ReadyEnvironment
from bert_bundle.host.environments.nearest import environment_id_of
from bert_bundle.host.environments.read_back import InstalledPackages, read_back
from bert_bundle.interpreter import installed
from bert_bundle.interpreter.known_breakages import version_numbers

_OLDEST = (3, 8)  # of the core


def existing_environments(interpreters: Sequence[Path]) -> tuple[ReadyEnvironment, ...]:
    """Return the environments of these interpreters, in their order.

    An id names versions, as `installed-tf2.15.1-hf4.40.2-py3.11`, and not where they are: it is in reports that must
    not depend on the machine. Raises EnvironmentNotMadeError for one that cannot load bundles whatever is in them.
    """
    found: dict[str, ReadyEnvironment] = {}
    for python in interpreters:
        read = read_interpreter(python)
        check_packages(dict(read.packages), place=python)
        name = _unused(f"installed-{environment_id_of(dict(read.packages), read.python)}", found)
        found[name] = ReadyEnvironment(
            id=name,
            python=python.absolute(),
            lock_digest="",
            packages=dict(read.packages),
            python_version=read.python,
            read_only=True,
        )
    return tuple(found.values())


def read_interpreter(python: Path) -> InstalledPackages:
    """Return what an interpreter has.

    Raises EnvironmentNotMadeError if it does not run, or is not CPython 3.8 or newer.
    """
    wanted = "the interpreter of an environment, such as /srv/venv/bin/python, of CPython 3.8 or newer"
    fix = "check the path, and that it runs"
    try:
        read = read_back(python.absolute())
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        found = _last_line(error)
        raise EnvironmentNotMadeError(
            "cannot run the interpreter", place=python, wanted=wanted, found=found, fix=fix
        ) from error
    if version_numbers({"python": read.python}, "python") < _OLDEST:
        raise EnvironmentNotMadeError(
            "not an interpreter that bert_bundle runs in",
            place=python,
            wanted=wanted,
            found=read.python,
            fix="name another one",
        )
    return read


def check_packages(packages: Mapping[str, str], *, place: object) -> None:
    """Raise EnvironmentNotMadeError unless `packages` have a Keras with a backend, NumPy and safetensors."""
    backends = [name for names in installed.BACKENDS.values() for name in names]
    tensorflow = installed.BACKENDS["tensorflow"]
    missing = []
    if not any(name in packages for name in backends):
        missing.append("tensorflow, jax or torch")
    elif not any(name in packages for name in ("keras", "tf-keras", *tensorflow)):
        missing.append("keras")
    missing += [name for name in ("numpy", "safetensors") if name not in packages]
    if missing:
        raise EnvironmentNotMadeError(
            "the environment lacks what a bundle needs to be loaded",
            place=place,
            wanted="Keras with a backend, numpy and safetensors",
            found=f"no {'; no '.join(missing)}",
            fix=f"name the environment that serves the model, or install them there: {', '.join(missing)}",
        )


def interpreter_of(venv: Path) -> Path:
    """Return the interpreter of a virtual environment, given by its folder or by the interpreter itself."""
    candidates = [venv / "bin" / "python", venv / "Scripts" / "python.exe"] if venv.is_dir() else [venv]
    return next((path for path in candidates if path.exists()), candidates[0])


def _unused(name: str, taken: Mapping[str, object]) -> str:
    numbered = (f"{name}-{number}" for number in range(2, len(taken) + 2))
    return next(candidate for candidate in (name, *numbered) if candidate not in taken)


def _last_line(error: Exception) -> str:
    stderr = error.stderr if isinstance(error, subprocess.CalledProcessError) else ""
    lines = (stderr or "").strip().splitlines()
    return lines[-1] if lines else getattr(error, "strerror", None) or str(error)
