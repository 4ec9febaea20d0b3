"""Start a child process: any interpreter, with this package and nothing else from the host.

Owns the command line and the environment variables of a child. Does not know: what the child does.

The package is passed as a module, not as an entry of `sys.path`: the folder that contains it is often the host's
site-packages, and a numpy from there must not be imported in an environment of another Python. The bootstrap loads the
package from its own folder; no folder has to be created, shared or cleaned up.
"""

import os
from types import MappingProxyType
from typing import Dict, List, Mapping, Optional

from bert_bundle.interpreter.installed import KERAS_BACKEND, binding, installed

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# argv: package folder, module or script (FILE.py) to run, its arguments. `python -c` puts the current directory on
# sys.path as "". It is removed before anything is imported: a stray `numpy.py` there would be imported instead of the
# environment's numpy.
_BOOTSTRAP = """\
import sys
sys.path[:] = [p for p in sys.path if p]
from importlib import util
from os.path import join
folder, module = sys.argv[1:3]
del sys.argv[1:3]
spec = util.spec_from_file_location("bert_bundle", join(folder, "__init__.py"), submodule_search_locations=[folder])
package = sys.modules["bert_bundle"] = util.module_from_spec(spec)
spec.loader.exec_module(package)
import runpy
if module.endswith(".py"):
    runpy.run_path(module, run_name="__main__")
else:
    runpy.run_module(module, run_name="__main__", alter_sys=True)
"""

# What a run pins: thread counts, kernels and devices change float32 results as much as an upgrade of TensorFlow does,
# and the hash seed changes the order of sets. No network: a bundle contains everything it needs.
PINNED: Mapping[str, str] = MappingProxyType(
    {
        "CUDA_VISIBLE_DEVICES": "-1",
        "HF_HUB_OFFLINE": "1",
        "JAX_ENABLE_X64": "1",
        "JAX_PLATFORMS": "cpu",
        "OMP_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_ENABLE_ONEDNN_OPTS": "0",
        "TF_NUM_INTEROP_THREADS": "1",
        "TF_NUM_INTRAOP_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "TRANSFORMERS_OFFLINE": "1",
    }
)

# TensorFlow's defaults, as users have them: every core, and the kernels that a release selects (oneDNN from 2.9 on;
# 2.6 crashes when oneDNN is turned on). A save measures how much these change its predictions.
_UNPINNED: Mapping[str, str] = MappingProxyType(
    {name: value for name, value in PINNED.items() if "THREADS" not in name and "ONEDNN" not in name}
)
PINNED_SETTING, USER_SETTING = "pinned", "defaults"
SETTINGS: Mapping[str, Mapping[str, str]] = MappingProxyType({PINNED_SETTING: PINNED, USER_SETTING: _UNPINNED})

# What a process needs to find its files, its language and its certificates. Everything else is left out: PYTHONPATH
# and LD_PRELOAD add code, TF_XLA_FLAGS and others change kernels, HF_ENDPOINT and proxies change what is read.
_ALLOWED = (
    "HF_HOME",
    "HOME",
    "LANG",
    "LANGUAGE",
    "LOGNAME",
    "PATH",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TEMP",
    "TMP",
    "TMPDIR",
    "TZ",
    "USER",
    "XDG_CACHE_HOME",
)
_ALLOWED_PREFIXES = ("LC_", "OPENBLAS_")


def command(
    python: str, module: str, *arguments: str, user_site: bool = False, write_bytecode: bool = True
) -> List[str]:
    """Return the command that runs `module`, or a script by its path, with `python`, isolated from the host.

    `user_site` includes packages installed with `pip install --user`: for a child that must see the same packages as
    this process, which may have TensorFlow from there. Without `write_bytecode` no compiled module is written, for an
    environment that is not this package's to write to.

    `-I` is not used because it would also drop PYTHONHASHSEED. Instead `environment()` passes no other PYTHON*
    variable, `-s` excludes the user's site-packages, and the bootstrap the current directory. UTF-8 mode, whatever the
    locale is.
    """
    options = [*([] if user_site else ["-s"]), *([] if write_bytecode else ["-B"])]
    return [python, *options, "-X", "utf8", "-c", _BOOTSTRAP, _PACKAGE, module, *arguments]


def environment(keras_backend: Optional[str] = None, setting: str = PINNED_SETTING) -> Dict[str, str]:
    """Return the variables of a child: the allowed ones of this process, and those of its setting.

    The child selects its Keras by what is installed in it (`pin`), whatever this process uses. `keras_backend` is for a
    child that must use the backend of this process.
    """
    kept = {k: v for k, v in os.environ.items() if k in _ALLOWED or k.startswith(_ALLOWED_PREFIXES)}
    kept.update(SETTINGS[setting])
    if keras_backend is not None:
        kept[KERAS_BACKEND] = keras_backend
    return kept


def pin(setting: str = PINNED_SETTING) -> None:
    """Set the variables of a setting in this process, and those that select a Keras unless they are set already.

    Must run before TensorFlow or Keras is imported, which read them once.
    """
    os.environ.update(SETTINGS[setting])
    for name, value in binding(installed).items():
        os.environ.setdefault(name, value)
