"""Which installed packages are known not to work together, as data: rules with why, what to do, where to read on.

Owns the rules and the choice of a runtime by them. Knows nothing but versions, and imports nothing to find out: most of
what is listed here ends the process that imports it, and no message comes from a process that is gone.
"""

import platform
import re
from dataclasses import dataclass
from typing import Callable, Mapping, Optional, Tuple

from bert_bundle.errors import RuntimeUnavailableError
from bert_bundle.interpreter import installed as installed_

TRANSFORMERS, NATIVE, AUTO = "transformers", "native", "auto"
RUNTIMES = (TRANSFORMERS, NATIVE)
PYTHON = "python"  # the interpreter, as a package among the others

InstalledVersions = Mapping[str, str]  # canonical name of a distribution, or PYTHON -> its version
VersionNumbers = Tuple[
    int, ...
]  # the numbers of a version; of a package that is not there none, which is below every release


@dataclass(frozen=True)
class Rule:
    """A known breakage of `runtimes`, decided by the versions of `packages`.

    why, fix  parts of the message: what is the matter, and what to do about it
    see       where it is reported, or what says so
    """

    id: str
    runtimes: Tuple[str, ...]
    packages: Tuple[str, ...]
    applies: Callable[[InstalledVersions], bool]
    why: str
    fix: str
    see: str

    def found(self, versions: InstalledVersions) -> str:
        """The packages that the rule is about, with the versions that are there."""
        return ", ".join("{} {}".format(n, versions[n]) for n in self.packages if n in versions) or "none"


def version_numbers(versions: InstalledVersions, *names: str) -> VersionNumbers:
    """The numbers of the first of `names` that is there: (5, 0, 0) of "5.0.0rc1"."""
    version = next((versions[name] for name in names if name in versions), "")
    numbers = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, numbers.group().split("."))) if numbers else ()


def _tensorflow(versions: InstalledVersions) -> VersionNumbers:
    return version_numbers(versions, *_TENSORFLOW)


def _too_old_for_keras_3(versions: InstalledVersions) -> bool:
    return () < version_numbers(versions, PYTHON) < (3, 9)


_TENSORFLOW = installed_.BACKENDS["tensorflow"]

# The order is that in which they are reported. Bounds that were measured and are no package's own word are in
# docs/facts.md; tests/environments/test_broken.py shows each in a real environment.
RULES = (
    Rule(
        id="tensorflow-missing",
        runtimes=(TRANSFORMERS,),
        packages=_TENSORFLOW,
        applies=lambda v: not _tensorflow(v),
        why="the transformers runtime computes with TensorFlow, and there is none",
        fix="install tensorflow, or Keras 3 with another backend for the native runtime",
        see="the packages' metadata",
    ),
    Rule(
        id="tensorflow-classes-missing",
        runtimes=(TRANSFORMERS,),
        packages=("transformers",),
        applies=lambda v: version_numbers(v, "transformers")[:1] != (4,),
        why="only releases 4 of transformers have the TensorFlow classes that the transformers runtime is made of",
        fix="install transformers 4, or Keras 3 for the native runtime",
        see="huggingface/transformers#38758",
    ),
    Rule(
        id="numpy-2",
        runtimes=RUNTIMES,
        packages=(*_TENSORFLOW, "numpy"),
        applies=lambda v: () < _tensorflow(v) < (2, 18) and version_numbers(v, "numpy") >= (2,),
        why="TensorFlow up to 2.17 is built for NumPy 1 and dies of NumPy 2 when it is imported",
        fix="install numpy below 2",
        see="the release notes of TensorFlow 2.18",
    ),
    Rule(
        id="h5py",
        runtimes=RUNTIMES,
        packages=("h5py", "numpy"),
        applies=lambda v: () < version_numbers(v, "h5py") < (3, 11) and version_numbers(v, "numpy") >= (2,),
        why="h5py up to 3.10 is built for NumPy 1, and every Keras imports it: NumPy 2 ends that",
        fix="install h5py 3.11 or newer",
        see="h5py/h5py#2401",
    ),
    Rule(
        id="protobuf-4",
        runtimes=(TRANSFORMERS,),
        packages=(*_TENSORFLOW, "protobuf"),
        applies=lambda v: () < _tensorflow(v) < (2, 12) and version_numbers(v, "protobuf") >= (4,),
        why="the generated code of TensorFlow up to 2.11 is refused by protobuf 4 when it is imported",
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
        why="from TensorFlow 2.16 on tf.keras is Keras 3, and the classes of transformers need Keras 2: tf-keras",
        fix="install tf-keras of TensorFlow's own minor release, or choose the native runtime",
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
        why="transformers from 4.39 on makes TensorFlow 2.15 look for tf.keras in tf-keras, and there is none",
        fix="install tf-keras 2.15, or transformers below 4.39",
        see="huggingface/transformers#40391",
    ),
    Rule(
        id="tf-keras-release",
        runtimes=(TRANSFORMERS,),
        packages=(*_TENSORFLOW, "tf-keras"),
        applies=lambda v: (
            bool(_tensorflow(v) and version_numbers(v, "tf-keras"))
            and _tensorflow(v)[:2] != version_numbers(v, "tf-keras")[:2]
        ),
        why="tf-keras is made for TensorFlow of its own minor release only",
        fix="install tf-keras of TensorFlow's own minor release",
        see="the metadata of tf-keras",
    ),
    Rule(
        id="python",
        runtimes=(NATIVE,),
        packages=(PYTHON, "keras"),
        applies=lambda v: _too_old_for_keras_3(v) and version_numbers(v, "keras") < (3,),
        why="the native runtime is made of Keras 3, of which no release runs in a Python before 3.9",
        fix="use Python 3.9 or newer, or TensorFlow and transformers 4 for the transformers runtime",
        see="the metadata of keras",
    ),
    Rule(
        id="keras-3-missing",
        runtimes=(NATIVE,),
        packages=("keras",),
        applies=lambda v: version_numbers(v, "keras") < (3,) and not _too_old_for_keras_3(v),
        why="the native runtime is made of Keras 3, and there is none",
        fix="install keras 3, or TensorFlow and transformers 4 for the transformers runtime",
        see="the packages' metadata",
    ),
    Rule(
        id="backend-missing",
        runtimes=(NATIVE,),
        packages=("keras", *(name for names in installed_.BACKENDS.values() for name in names)),
        applies=lambda v: installed_.KERAS_BACKEND not in installed_.binding(v.__contains__),
        why="Keras 3 computes with TensorFlow, JAX or PyTorch, and none of them is there",
        fix="install tensorflow, jax or torch",
        see="https://keras.io/getting_started",
    ),
    Rule(
        id="tokenizers-missing",
        runtimes=(NATIVE,),
        packages=("tokenizers",),
        applies=lambda v: "tokenizers" not in v,
        why="a bundle's tokenizer is read with the package tokenizers, and there is none",
        fix="install tokenizers",
        see="the packages' metadata",
    ),
    Rule(
        id="safetensors-0.3",
        runtimes=RUNTIMES,
        packages=("safetensors",),
        applies=lambda v: () < version_numbers(v, "safetensors") < (0, 3, 1),
        why="releases of safetensors before 0.3.1 do not align what they write, so equal weights give other bytes",
        fix="install safetensors 0.3.1 or newer",
        see="safetensors/safetensors#235",
    ),
)


def broken_rules(runtime: str, versions: InstalledVersions) -> Tuple[Rule, ...]:
    """The rules that speak against `runtime` where `versions` are installed; "auto" has none of its own."""
    return tuple(rule for rule in RULES if runtime in rule.runtimes and rule.applies(versions))


def choose(runtime: str = AUTO, versions: Optional[InstalledVersions] = None) -> str:
    """`runtime` itself; for "auto" the first one that no rule speaks against. `versions`: by default the installed.

    Raises RuntimeUnavailableError with the words of the first rule that does; for "auto" those against the runtime that
    is nearest to being there.
    """
    held = installed_versions() if versions is None else versions
    asked = RUNTIMES if runtime == AUTO else (runtime,)
    nearest = min(asked, key=lambda name: len(broken_rules(name, held)))
    for rule in broken_rules(nearest, held):
        installed_.clear_version_cache()
        raise RuntimeUnavailableError(
            rule.why,
            place="the {} runtime, rule {}".format(nearest, rule.id),
            found=rule.found(held),
            fix=rule.fix,
        )
    return nearest


def installed_versions() -> InstalledVersions:
    """This interpreter's version, and those beside it that some rule asks for, from metadata."""
    found = {name: installed_.version(name) for rule in RULES for name in rule.packages if name != PYTHON}
    there = {name: version for name, version in found.items() if version is not None}
    return {PYTHON: platform.python_version(), **there}
