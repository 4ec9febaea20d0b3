"""`python -m bert_bundle`: the command line, as `bert-bundle`.

Layer 13 of the host.
"""

import sys

from bert_bundle.host.cli import main

if __name__ == "__main__":
    sys.exit(main())
