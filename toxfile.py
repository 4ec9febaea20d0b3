"""A tox plugin that adds one tox environment for each loadable row of compat_matrix.yaml.

`tox -e ID` runs the in-environment suite in the environment that `bert-bundle` itself makes and caches for that row;
tox installs nothing. tox loads this file by its name, beside tox.ini; it needs what `pip install -e '.[dev]'` installs.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from tox.config.loader.memory import MemoryLoader
from tox.config.sets import ConfigSet
from tox.config.types import Command
from tox.execute.api import Execute
from tox.execute.local_sub_process import LocalSubProcessExecutor
from tox.plugin import impl
from tox.session.state import State
from tox.tox_env.api import ToxEnv
from tox.tox_env.errors import Fail
from tox.tox_env.installer import Installer
from tox.tox_env.package import Package
from tox.tox_env.register import ToxEnvRegister
from tox.tox_env.runner import RunToxEnv

from bert_bundle.errors import BertBundleError
from bert_bundle.host.config.matrix_file import FILE_NAME, Environment, read_matrix
from bert_bundle.host.environments.environment import make
from bert_bundle.host.environments.locks import FOLDER, read_lock
from bert_bundle.interpreter import installed, launch

ROOT = Path(__file__).resolve().parent
SUITE = "tests/in_environment"


class NoInstaller(Installer[ToxEnv]):
    """Installs nothing: the cached environment already holds everything in its lock."""

    def _register_config(self) -> None:
        return

    def installed(self) -> list[str]:
        return []

    def install(self, arguments: object, section: str, of_type: str) -> None:
        raise Fail(f"cannot install {of_type} into the cached environment {self._env.name}")


class CachedEnvironment(RunToxEnv):
    """Runs commands with the interpreter of the row's cached environment, which is made first if it is missing."""

    @staticmethod
    def id() -> str:
        return "bert-bundle-cached"

    @property
    def executor(self) -> Execute:
        return LocalSubProcessExecutor(self.options.is_colored)

    @property
    def installer(self) -> NoInstaller:
        return NoInstaller(self)

    @property
    def runs_on_platform(self) -> str:
        return sys.platform

    @property
    def _package_tox_env_type(self) -> str:
        raise NotImplementedError  # skip_install: there is nothing to package

    @property
    def _external_pkg_tox_env_type(self) -> str:
        raise NotImplementedError

    def _build_packages(self) -> list[Package]:
        return []

    def _setup_env(self) -> None:
        super()._setup_env()
        row = _rows()[self.name]
        try:
            made = make(row, read_lock(row, ROOT / FOLDER), progress=print)
        except BertBundleError as error:
            raise Fail(str(error)) from error
        self._paths = [made.python.parent]  # where `python` is looked up first


@impl
def tox_register_tox_env(register: ToxEnvRegister) -> None:
    register.add_run_env(CachedEnvironment)


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
        "runner": CachedEnvironment.id(),
        "description": f"in-environment suite on Python {row.python} with {' '.join(row.packages)}",
        "skip_install": True,
        "pass_env": ["BERT_BUNDLE_*", "OPENBLAS_*", "XDG_CACHE_HOME"],
        "set_env": {**launch.PINNED, **installed.binding(row.pins.__contains__)},
        "commands": [Command(["python", SUITE, "-q", *arguments])],
    }


def _rows() -> dict[str, Environment]:
    return {row.id: row for row in read_matrix(ROOT / FILE_NAME).loading}
