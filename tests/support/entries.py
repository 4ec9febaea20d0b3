"""Entries of workers for tests: what `faulty_worker.py` is told to add to the product's tasks, or to replace."""

import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bert_bundle.host.workers.worker import Entry
from support import worker_faults

_SCRIPT = Path(__file__).with_name("faulty_worker.py")
_FAKES = MappingProxyType(
    {
        "generate": "fake_bundles:fake_generate",
        "replay": "fake_bundles:fake_replay",
        "check": "fake_bundles:read_only",
        "load": "fake_bundles:fake_load",
    }
)


def entry(tasks: Mapping[str, str], arguments: Mapping[str, Mapping[str, Any]] = MappingProxyType({})) -> Entry:
    """Return the entry of a worker with these tasks ("module:function" by name) and more arguments for some."""
    return str(_SCRIPT), json.dumps({name: [where, dict(arguments.get(name, {}))] for name, where in tasks.items()})


def fakes(**replay_arguments: Any) -> Entry:
    """Return the entry of a worker that writes and replays fake bundles; the arguments are of `fake_replay`."""
    return entry(_FAKES, {"replay": replay_arguments})


def reader_fault(fault: str, **arguments: Any) -> Entry:
    """Return the entry of a worker whose replays have one of `reader_faults.FAULTS`."""
    return entry({"replay": "reader_faults:replay"}, {"replay": {"fault": fault, **arguments}})


# A worker with a task for every function of `worker_faults`, by its name.
FAULTY = entry(
    {
        name: f"worker_faults:{name}"
        for name, value in vars(worker_faults).items()
        if inspect.isfunction(value) and value.__module__ == worker_faults.__name__
    }
)
FAKE = fakes()

# A worker that has one more task, `faulty_replay`, which replays with the fault that a request names.
FAULTY_REPLAY = entry({"faulty_replay": "reader_faults:replay"})
