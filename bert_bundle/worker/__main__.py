"""`python -m bert_bundle.worker`: the worker of the environment that runs it."""

from bert_bundle.worker.loop import main

if __name__ == "__main__":
    main()
