"""`bert-bundle` and `python -m bert_bundle`: the command line, or one error that says why it cannot run here.

Keeps to Python 3.8 syntax, because it is what answers where the command line cannot run.

Layer 14 of the host.
"""

import json
import sys
from typing import List, Optional

from bert_bundle.interpreter.host_requirements import obstacle_here


def main(arguments: Optional[List[str]] = None) -> int:
    """Run the command line and return its exit code; 2 with one error where this interpreter cannot run it."""
    given = sys.argv[1:] if arguments is None else arguments
    reason = obstacle_here("the command line")
    if reason is None:
        from bert_bundle.host.cli import main as command_line

        return command_line(given)
    if "--json" in given:
        print(json.dumps({"error": reason.to_json()}, indent=2))
    else:
        print(reason, file=sys.stderr)
    return reason.exit_code


if __name__ == "__main__":
    sys.exit(main())
