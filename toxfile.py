"""A tox plugin: one tox environment for each row of compat_matrix.yaml. Owns the translation, and nothing else.

`tox -e ID` installs the row's lock into an environment of tox's own and runs the in-environment suite there. tox loads
this file by its name, beside tox.ini; it needs what `pip install -e '.[dev]'` installs.
"""

from collections.abc import Sequence
from pathlib import Path

from tox.config.loader.memory import MemoryLoader
from tox.config.sets import ConfigSet
from tox.config.types import Command
from tox.plugin import impl
from tox.session.state import State
from tox.tox_env.errors import Fail
from tox.tox_env.register import ToxEnvRegister
from tox_uv._run import UvVenvRunner  # tox-uv has no public name for it

from bert_bundle.errors import BertBundleError
from bert_bundle.host.config.matrix_file import FILE_NAME, Environment, read_matrix
from bert_bundle.host.environments import interpreters
from bert_bundle.host.environments.locks import FOLDER, read_lock
from bert_bundle.interpreter import installed, launch

ROOT = Path(__file__).resolve().parent
SUITE = "tests/in_environment"


class MatrixRunner(UvVenvRunner):
    """tox-uv's environment with the interpreter that we find: uv stops at a pyenv shim that fails."""

    @staticmethod
    def id() -> str:
        return "bert-bundle-matrix"

    def env_version_spec(self) -> str:
        """The interpreter that `uv venv` is given; asked only when the environment is made, so `tox list` is quick."""
        try:
            return str(interpreters.find(_rows()[self.name].python))
        except BertBundleError as error:
            raise Fail(str(error)) from error

    def _setup_env(self) -> None:
        try:
            read_lock(_rows()[self.name], ROOT / FOLDER)
        except BertBundleError as error:
            raise Fail(str(error)) from error
        super()._setup_env()


@impl
def tox_register_tox_env(register: ToxEnvRegister) -> None:
    register.add_run_env(MatrixRunner)


@impl
def tox_extend_envs() -> tuple[str, ...]:
    return tuple(_rows())


@impl
def tox_add_core_config(core_conf: ConfigSet, state: State) -> None:
    # Here, and not when an environment's own configuration is built: by then tox has chosen the runner.
    arguments = state.conf.pos_args(None) or ()
    for row in _rows().values():
        state.conf.memory_seed_loaders[row.id].append(MemoryLoader(**_settings(row, arguments)))


def _settings(row: Environment, arguments: Sequence[str]) -> dict[str, object]:
    return {
        "runner": MatrixRunner.id(),
        "description": f"in-environment suite on Python {row.python} with {' '.join(row.packages)}",
        "base_python": [f"python{row.python}"],
        "skip_install": True,
        # A lock is everything there is to install; resolving its packages again would bring in what it leaves out.
        "deps": f"--no-deps\n-r {ROOT / FOLDER / row.id}.txt",
        "pass_env": ["BERT_BUNDLE_*", "OPENBLAS_*", "XDG_CACHE_HOME"],
        "set_env": {**launch.PINNED, **installed.binding(row.pins.__contains__)},
        "commands": [Command(["python", SUITE, "-q", *arguments])],
    }


def _rows() -> dict[str, Environment]:
    return {row.id: row for row in read_matrix(ROOT / FILE_NAME).loading}
