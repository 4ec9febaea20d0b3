"""A worker with other tasks, for tests: `faulty_worker.py TASKS`, run in place of `bert_bundle.worker`.

TASKS is a JSON object: name of a task -> ["module:function" of this folder, more arguments of the function]. It adds to
the product's tasks, or replaces them. Runs inside environments, so in Python 3.8 syntax; `support.entries` makes TASKS.
"""

import functools
import importlib
import json
import os
import sys
from typing import Any

from bert_bundle.worker.loop import TASKS, main


def run(where: str, more: Any, **arguments: Any) -> Any:
    """Run the function "module:function" with `more` arguments."""
    module, function = where.split(":")
    return getattr(importlib.import_module(module), function)(**more, **arguments)


if __name__ == "__main__":
    sys.path.append(os.path.dirname(os.path.abspath(__file__)))  # at the end: it must not hide any package
    substitutes = json.loads(sys.argv[1])
    main(tasks={**TASKS, **{name: functools.partial(run, *found) for name, found in substitutes.items()}})
