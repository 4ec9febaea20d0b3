"""The real environments that tests run in: the rows of compat_matrix.yaml, from the cache or made."""

from bert_bundle.host.config.matrix_file import FILE_NAME, read_matrix
from bert_bundle.host.environments.environment import ReadyEnvironment, make
from bert_bundle.host.environments.locks import FOLDER, read_lock
from support.paths import ROOT

WRITER = "tf2.15-hf4.40-py3.11"  # the only environment that `pytest` alone needs


def environment(row_id: str) -> ReadyEnvironment:
    """Return the environment of that row; make it if it is not in the cache."""
    (row,) = read_matrix(ROOT / FILE_NAME).select(names=[row_id])
    return make(row, read_lock(row, ROOT / FOLDER), progress=print)
