"""`python tests/in_environment [pytest's arguments]`: this suite, with the interpreter of an environment.

What is here needs transformers' TensorFlow classes (but for the native tokenizer's tests), `native` needs Keras 3,
`both` needs the two, `five` needs transformers 5: what an environment does not hold is not collected, so nothing is
skipped. Its own pytest.ini and no conftest of the host's: those need a newer Python than the oldest environment has.
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
