"""What PyTorch's tests share: bundles that TensorFlow wrote."""

import pytest

from bert_bundle.model.encoders.families import CLASSES
from bert_bundle.testing import classifiers

SPECIFICATIONS = {f"generated {i}": s for i, s in enumerate(classifiers.specifications(4, seed=1))}
SPECIFICATIONS.update((name, {"class": name, "features": 0, "seed": 2}) for name in CLASSES if name != "BertModel")


@pytest.fixture(scope="session", params=list(SPECIFICATIONS))
def written(request, writer, tmp_path_factory):
    """(a class, a bundle around it written by TensorFlow 2.15)."""
    specification = SPECIFICATIONS[request.param]
    path = tmp_path_factory.mktemp("torch") / "bundle"
    writer.ask("generate", specification=specification, target=str(path))
    return specification.get("class", "BertModel"), path
