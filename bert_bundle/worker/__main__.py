"""`python -m bert_bundle.worker [SETTING]`: the worker of the interpreter that runs it."""

import sys

from bert_bundle.worker.loop import TASKS, main

if __name__ == "__main__":
    main(TASKS, *sys.argv[1:])
