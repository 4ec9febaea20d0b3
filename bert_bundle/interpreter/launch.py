"""How a Python process of ours is started: by whichever interpreter, with our package and nothing else of the host.

Owns the command line and the environment variables of a child; knows nothing of what the child does.

The package is handed over as a module, not as an entry of `sys.path`: the folder that holds it is often the host's
site-packages, and one numpy from there inside an environment of another Python would be the end of every promise.
So the bootstrap takes the folder of the package itself; there is no folder to make, to share or to clean up.
"""

import os
from types import MappingProxyType
from typing import Dict, List, Mapping, Optional

from bert_bundle.interpreter.installed import KERAS_BACKEND, binding, installed

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# argv: package folder, module or script (FILE.py) to run, its arguments. `python -c` puts the current directory on
# sys.path as "": it is dropped before anything is imported, for a stray `numpy.py` there would be imported in place of
# the environment's.
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

# What a run holds still: thread counts, kernels and devices move float32 results as much as an upgrade of TensorFlow
# does, and hash order moves whatever iterates over a set. No network: a bundle has all that it needs.
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

# As users run TensorFlow: every core, and the kernels that a release takes by itself (oneDNN's from 2.9 on; 2.6 dies of
# them when it is told to). A save measures how far that moves its predictions.
_FREE: Mapping[str, str] = MappingProxyType(
    {name: value for name, value in PINNED.items() if "THREADS" not in name and "ONEDNN" not in name}
)
PINNED_SETTING, USER_SETTING = "held still", "as users do"
SETTINGS: Mapping[str, Mapping[str, str]] = MappingProxyType({PINNED_SETTING: PINNED, USER_SETTING: _FREE})

# What a process needs to find its files, its language and its certificates. Everything else stays outside: PYTHONPATH
# and LD_PRELOAD bring in code, TF_XLA_FLAGS and its like change kernels, HF_ENDPOINT and proxies change what is read.
_ALLOWED = (
    "HF_HOME", "HOME", "LANG", "LANGUAGE", "LOGNAME", "PATH", "SSL_CERT_DIR", "SSL_CERT_FILE", "TEMP", "TMP",
    "TMPDIR", "TZ", "USER", "XDG_CACHE_HOME",
)  # fmt: skip
_ALLOWED_PREFIXES = ("LC_", "OPENBLAS_")


def command(python: str, module: str, *arguments: str, user_site: bool = False) -> List[str]:
    """The words that run `module`, or a script by its path, with the interpreter `python`, isolated from the host.

    `user_site` lets the packages in that the user installed with `pip install --user`: for a child of the same kind as
    this process, which may have TensorFlow from there.

    Not `-I`, which would also drop PYTHONHASHSEED: `environment()` lets no other PYTHON* variable through, `-s` shuts
    out the user's site-packages, and the bootstrap the current directory. UTF-8 mode, whatever the locale says.
    """
    return [python, *([] if user_site else ["-s"]), "-X", "utf8", "-c", _BOOTSTRAP, _PACKAGE, module, *arguments]


def environment(keras_backend: Optional[str] = None, setting: str = PINNED_SETTING) -> Dict[str, str]:
    """The variables of a child: the allowed ones of this process, and those of its setting.

    Which Keras is bound the child decides by what is installed beside it (`pin`), whatever this process was told;
    `keras_backend` is for a child that must have the backend of this process.
    """
    kept = {k: v for k, v in os.environ.items() if k in _ALLOWED or k.startswith(_ALLOWED_PREFIXES)}
    kept.update(SETTINGS[setting])
    if keras_backend is not None:
        kept[KERAS_BACKEND] = keras_backend
    return kept


def pin(setting: str = PINNED_SETTING) -> None:
    """Sets the variables of a setting in this process, and those that bind a Keras unless they are set already.

    Must run before TensorFlow or Keras is imported: whoever imports first decides.
    """
    os.environ.update(SETTINGS[setting])
    for name, value in binding(installed).items():
        os.environ.setdefault(name, value)
