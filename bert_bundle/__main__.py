"""`python -m bert_bundle`: the command line, as `bert-bundle`."""

import sys

from bert_bundle.host.cli import main

if __name__ == "__main__":
    sys.exit(main())
