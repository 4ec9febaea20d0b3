"""Combinations of packages that are known not to work, as data: rules with the reason, the fix and a reference.

Owns the rules and the choice of a runtime by them. Looks at versions only and imports nothing: most of these
combinations crash the process that imports them, and a crashed process cannot print a message.
"""

import platform
import re
from dataclasses import dataclass
from typing import Callable, Final, Literal, Mapping, Optional, Tuple

from bert_bundle.errors import RuntimeUnavailableError
from bert_bundle.interpreter import installed

RuntimeName = Literal["transformers", "native"]
AskedRuntime = Literal["auto", RuntimeName]  # what `load` takes

TRANSFORMERS: Final = "transformers"
NATIVE: Final = "native"
AUTO: Final = "auto"
RUNTIMES: Tuple[RuntimeName, ...] = (TRANSFORMERS, NATIVE)
PYTHON = "python"  # the interpreter, as a package among the others

InstalledVersions = Mapping[str, str]  # canonical name of a distribution, or PYTHON -> its version
VersionNumbers = Tuple[int, ...]  # empty for a package that is not installed, which is below every release


@dataclass(frozen=True)
class Rule:
    """A known breakage of `runtimes`, decided by the versions of `packages`.

    why, fix  parts of the message: what is wrong, and what to do about it
    see       where it is reported
    """

    id: str
    runtimes: Tuple[str, ...]
    packages: Tuple[str, ...]
    applies: Callable[[InstalledVersions], bool]
    why: str
    fix: str
    see: str

    def found(self, versions: InstalledVersions) -> str:
        """Return the packages of the rule that are installed, with their versions."""
        return ", ".join("{} {}".format(n, versions[n]) for n in self.packages if n in versions) or "none"


def version_numbers(versions: InstalledVersions, *names: str) -> VersionNumbers:
    """Return the numbers of the first of `names` that is installed: (5, 0, 0) for "5.0.0rc1"."""
    version = next((versions[name] for name in names if name in versions), "")
    numbers = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, numbers.group().split("."))) if numbers else ()


def _tensorflow(versions: InstalledVersions) -> VersionNumbers:
    return version_numbers(versions, *_TENSORFLOW)


def _too_old_for_keras_3(versions: InstalledVersions) -> bool:
    return () < version_numbers(versions, PYTHON) < (3, 9)


_TENSORFLOW = installed.BACKENDS["tensorflow"]

# Packages that work only with each other's minor release. tf-keras declares this for the name `tensorflow` only, so a
# resolver does not enforce it in an environment with the CPU build.
SAME_MINOR_RELEASE = (*_TENSORFLOW, "tf-keras")

# Packages whose releases for NumPy 1 crash on import with NumPy 2; most of them do not declare that bound.
COMPILED_FOR_NUMPY = ("h5py", "jaxlib", "ml-dtypes", "pandas", "scipy", *_TENSORFLOW)

# In the order in which they are reported. Bounds that were measured, rather than stated by a package, are in
# docs/facts.md; tests/environments/test_broken.py shows each rule in a real environment.
RULES = (
    Rule(
        id="tensorflow-missing",
        runtimes=(TRANSFORMERS,),
        packages=_TENSORFLOW,
        applies=lambda v: not _tensorflow(v),
        why="the transformers runtime needs TensorFlow, which is not installed",
        fix="install tensorflow, or Keras 3 with another backend for the native runtime",
        see="the packages' metadata",
    ),
    Rule(
        id="tensorflow-classes-missing",
        runtimes=(TRANSFORMERS,),
        packages=("transformers",),
        applies=lambda v: version_numbers(v, "transformers")[:1] != (4,),
        why="the transformers runtime needs the TensorFlow classes of transformers, which only release 4 has",
        fix="install transformers 4, or Keras 3 for the native runtime",
        see="huggingface/transformers#38758",
    ),
    Rule(
        id="numpy-2",
        runtimes=RUNTIMES,
        packages=(*_TENSORFLOW, "numpy"),
        applies=lambda v: () < _tensorflow(v) < (2, 18) and version_numbers(v, "numpy") >= (2,),
        why="TensorFlow 2.17 and older crash on import with NumPy 2",
        fix="install numpy below 2",
        see="the release notes of TensorFlow 2.18",
    ),
    Rule(
        id="h5py",
        runtimes=RUNTIMES,
        packages=("h5py", "numpy"),
        applies=lambda v: () < version_numbers(v, "h5py") < (3, 11) and version_numbers(v, "numpy") >= (2,),
        why="h5py 3.10 and older crash on import with NumPy 2, and every Keras imports h5py",
        fix="install h5py 3.11 or newer",
        see="h5py/h5py#2401",
    ),
    Rule(
        id="protobuf-4",
        runtimes=(TRANSFORMERS,),
        packages=(*_TENSORFLOW, "protobuf"),
        applies=lambda v: () < _tensorflow(v) < (2, 12) and version_numbers(v, "protobuf") >= (4,),
        why="protobuf 4 rejects the generated code of TensorFlow 2.11 and older on import",
        fix="install protobuf below 3.20",
        see="tensorflow/tensorflow#56266",
    ),
    Rule(
        id="keras-engine-missing",
        runtimes=(TRANSFORMERS,),
        packages=(*_TENSORFLOW, "transformers"),
        applies=lambda v: _tensorflow(v) >= (2, 13) and (4, 21) <= version_numbers(v, "transformers") < (4, 30),
        why="transformers 4.21 to 4.29 imports modules of Keras that Keras 2.13 moved",
        fix="install transformers 4.30 or newer",
        see="huggingface/transformers#23352",
    ),
    Rule(
        id="tf-keras-missing",
        runtimes=(TRANSFORMERS,),
        packages=(*_TENSORFLOW, "tf-keras"),
        applies=lambda v: _tensorflow(v) >= (2, 16) and not version_numbers(v, "tf-keras"),
        why="from TensorFlow 2.16 on tf.keras is Keras 3, but transformers needs Keras 2, which is tf-keras",
        fix="install the minor release of tf-keras that matches TensorFlow, or choose the native runtime",
        see="huggingface/transformers#27377",
    ),
    Rule(
        id="tf-keras-missing-2.15",
        runtimes=(TRANSFORMERS,),
        packages=(*_TENSORFLOW, "tf-keras", "transformers"),
        applies=lambda v: (
            _tensorflow(v)[:2] == (2, 15)
            and version_numbers(v, "transformers") >= (4, 39)
            and not version_numbers(v, "tf-keras")
        ),
        why="transformers 4.39 and newer make TensorFlow 2.15 use tf-keras, which is not installed",
        fix="install tf-keras 2.15, or transformers below 4.39",
        see="huggingface/transformers#40391",
    ),
    Rule(
        id="tf-keras-release",
        runtimes=(TRANSFORMERS,),
        packages=SAME_MINOR_RELEASE,
        applies=lambda v: (
            bool(_tensorflow(v) and version_numbers(v, "tf-keras"))
            and _tensorflow(v)[:2] != version_numbers(v, "tf-keras")[:2]
        ),
        why="tf-keras works only with TensorFlow of the same minor release",
        fix="install the minor release of tf-keras that matches TensorFlow",
        see="the metadata of tf-keras",
    ),
    Rule(
        id="python",
        runtimes=(NATIVE,),
        packages=(PYTHON, "keras"),
        applies=lambda v: _too_old_for_keras_3(v) and version_numbers(v, "keras") < (3,),
        why="the native runtime needs Keras 3, which needs Python 3.9 or newer",
        fix="use Python 3.9 or newer, or TensorFlow and transformers 4 for the transformers runtime",
        see="the metadata of keras",
    ),
    Rule(
        id="keras-3-missing",
        runtimes=(NATIVE,),
        packages=("keras",),
        applies=lambda v: version_numbers(v, "keras") < (3,) and not _too_old_for_keras_3(v),
        why="the native runtime needs Keras 3, which is not installed",
        fix="install keras 3, or TensorFlow and transformers 4 for the transformers runtime",
        see="the packages' metadata",
    ),
    Rule(
        id="backend-missing",
        runtimes=(NATIVE,),
        packages=("keras", *(name for names in installed.BACKENDS.values() for name in names)),
        applies=lambda v: installed.KERAS_BACKEND not in installed.binding(v.__contains__),
        why="Keras 3 needs TensorFlow, JAX or PyTorch, and none of them is installed",
        fix="install tensorflow, jax or torch",
        see="https://keras.io/getting_started",
    ),
    Rule(
        id="tokenizers-missing",
        runtimes=(NATIVE,),
        packages=("tokenizers",),
        applies=lambda v: "tokenizers" not in v,
        why="the native runtime needs the package tokenizers, which is not installed",
        fix="install tokenizers",
        see="the packages' metadata",
    ),
    Rule(
        id="safetensors-0.3",
        runtimes=RUNTIMES,
        packages=("safetensors",),
        applies=lambda v: () < version_numbers(v, "safetensors") < (0, 3, 1),
        why="safetensors older than 0.3.1 does not align tensors, so equal weights are written as different bytes",
        fix="install safetensors 0.3.1 or newer",
        see="safetensors/safetensors#235",
    ),
)


def broken_rules(runtime: str, versions: InstalledVersions) -> Tuple[Rule, ...]:
    """Return the rules that `versions` break for `runtime`; none for "auto"."""
    return tuple(rule for rule in RULES if runtime in rule.runtimes and rule.applies(versions))


def choose(runtime: str = AUTO, versions: Optional[InstalledVersions] = None) -> str:
    """Return `runtime`; for "auto" the first one that breaks no rule. `versions`: by default the installed ones.

    Raises RuntimeUnavailableError with the reason of the first broken rule; for "auto" the one of the runtime that
    breaks the fewest.
    """
    found = installed_versions() if versions is None else versions
    asked = RUNTIMES if runtime == AUTO else (runtime,)
    nearest = min(asked, key=lambda name: len(broken_rules(name, found)))
    for rule in broken_rules(nearest, found):
        installed.clear_version_cache()
        raise RuntimeUnavailableError(
            rule.why,
            place="the {} runtime, rule {}".format(nearest, rule.id),
            found=rule.found(found),
            fix=rule.fix,
        )
    return nearest


def installed_versions() -> InstalledVersions:
    """Return the version of this interpreter and of the installed packages that some rule needs, from metadata."""
    found = {name: installed.version(name) for rule in RULES for name in rule.packages if name != PYTHON}
    versions = {name: version for name, version in found.items() if version is not None}
    return {PYTHON: platform.python_version(), **versions}
