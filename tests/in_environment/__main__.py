"""`python tests/in_environment [pytest's arguments]`: runs this suite with the interpreter of an environment.

The files in this folder need transformers' TensorFlow classes, except for `test_*_native.py`, which need neither;
`native` needs Keras 3, `both` needs the two, `five` needs transformers 5. What the environment cannot run is not
collected, so nothing is skipped. The suite has its own pytest.ini and does not read tests/conftest.py, which needs
Python 3.11.
"""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent


def main():
    sys.path.insert(0, str(HERE.parents[1]))
    sys.path.append(str(HERE.parent))  # for tests/support
    from bert_bundle.interpreter import installed, known_breakages

    five = (installed.version("transformers") or "").startswith("5.")
    classes, three = (
        not known_breakages.broken_rules(runtime, known_breakages.installed_versions())
        for runtime in known_breakages.RUNTIMES
    )
    files = sorted(map(str, HERE.glob("test_*.py" if classes else "test_*_native.py")))
    needs = (("native", three), ("both", classes and three), ("five", five))
    folders = [str(HERE / name) for name, there in needs if there]
    return pytest.main(["-c", str(HERE / "pytest.ini"), "--confcutdir", str(HERE), *files, *folders, *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
