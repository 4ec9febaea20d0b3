"""Where nothing chooses a backend of Keras 3, the one that is installed is bound, without a variable that is set."""

import os
import subprocess
import sys

import properties
import pytest

import bert_bundle
from bert_bundle.classifiers import specification
from bert_bundle.interpreter import installed

_BIND = "from bert_bundle.keras_models import runtime; print(runtime.bind('native').keras.backend.backend())"
_LOAD = """
import sys, bert_bundle
bundle = bert_bundle.load(sys.argv[1])
print(len(bundle.predict(["my invoice"], features={"numerical_features": [[0.5]]})))
print(bundle._runtime.keras.backend.backend())
"""


def _fresh_process(code, *args, chosen=None):
    path = os.path.dirname(os.path.dirname(bert_bundle.__file__))
    environment = {k: v for k, v in os.environ.items() if k != installed.KERAS_BACKEND}
    environment.update({"PYTHONPATH": path, **({installed.KERAS_BACKEND: chosen} if chosen else {})})
    command = [sys.executable, "-c", code, *map(str, args)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def _expected():
    return installed.binding(installed.installed)[installed.KERAS_BACKEND]


@pytest.mark.parametrize("chosen", [None, "nowhere"])
def test_a_fresh_process_binds_the_backend_that_is_installed(chosen):
    found = _fresh_process(_BIND, chosen=chosen)
    if chosen:  # the user's own choice is left alone
        assert "RuntimeUnavailableError: the installed packages do not provide the native runtime" in found.stderr
    else:
        assert found.stdout.split()[-1:] == [_expected()]


def test_load_in_a_fresh_process_predicts_with_the_backend_that_is_installed(save, tmp_path):
    path = save(specification.build(properties.SMALL, "native"), tmp_path / "bundle")
    found = _fresh_process(_LOAD, path)
    assert found.stdout.split()[-2:] == ["1", _expected()], found.stderr
