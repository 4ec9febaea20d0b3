"""Fixtures of PyTorch's tests: bundles that TensorFlow wrote."""

import pytest
from support.entries import entry
from support.environments import WRITER, environment

from bert_bundle.encoders.families import CLASSES
from bert_bundle.host.workers.worker import Worker

SPECIFICATIONS = {
    "classic": {},
    "small": {"hidden": 12, "layers": 1, "heads": 2, "intermediate": 23, "types": 1, "activation": "relu"},
    "wide": {"hidden": 40, "layers": 3, "heads": 4, "intermediate": 64, "types": 3, "activation": "gelu_new"},
    "pooled": {"pooling": "pooler", "epsilon": 1e-3, "activation": "tanh", "frozen": ["layer.0"]},
}
SPECIFICATIONS.update((name, {"class": name, "features": 0, "seed": 2}) for name in CLASSES if name != "BertModel")


def pytest_configure(config):
    """Let transformers 4 import DeBERTa, which compiles functions in a way that PyTorch has deprecated."""
    config.addinivalue_line("filterwarnings", "ignore:`torch.jit.script` is deprecated:DeprecationWarning")


@pytest.fixture(scope="session")
def writer():
    """Yield a live worker in TensorFlow 2.15 that also has the task `hidden`."""
    with Worker(environment(WRITER), "writer", entry=entry({"hidden": "hidden_states:hidden"})) as worker:
        yield worker


@pytest.fixture(scope="session", params=list(SPECIFICATIONS))
def written(request, writer, tmp_path_factory):
    """Return a class of encoder, and the path of a bundle with one that TensorFlow 2.15 wrote."""
    specification = SPECIFICATIONS[request.param]
    path = tmp_path_factory.mktemp("torch") / "bundle"
    writer.ask("generate", specification=specification, target=str(path))
    return specification.get("class", "BertModel"), path
