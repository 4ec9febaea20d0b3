"""Where nothing chooses a backend of Keras 3, the one that is installed is bound, without a variable that is set."""

import os
import subprocess
import sys

import pytest

import bert_bundle
from bert_bundle.interpreter import installed

_CODE = "from bert_bundle.keras_models import runtime; print(runtime.bind('native').keras.backend.backend())"


@pytest.mark.parametrize("chosen", [None, "nowhere"])
def test_a_fresh_process_binds_the_backend_that_is_installed(chosen):
    path = os.path.dirname(os.path.dirname(bert_bundle.__file__))
    environment = {k: v for k, v in os.environ.items() if k != installed.KERAS_BACKEND}
    environment.update({"PYTHONPATH": path, **({installed.KERAS_BACKEND: chosen} if chosen else {})})
    found = subprocess.run([sys.executable, "-c", _CODE], env=environment, capture_output=True, text=True, check=False)
    if chosen:  # the user's own choice is left alone
        assert "RuntimeUnavailableError: the installed packages do not provide the native runtime" in found.stderr
    else:
        assert found.stdout.split()[-1:] == [installed.binding(installed.installed)[installed.KERAS_BACKEND]]
