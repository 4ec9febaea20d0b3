"""Audits a bundle in the group ci and draws the table as docs/audit.svg: `python tools/picture.py BUNDLE`.

The picture shows the text that `bert-bundle audit` prints on a terminal, from a real run.
"""

import io
import re
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

from bert_bundle.host.config.matrix_file import read_matrix
from bert_bundle.host.config.matrix_location import default_matrix_path
from bert_bundle.host.environments.locks import FOLDER
from bert_bundle.host.environments.prepare import prepare
from bert_bundle.host.report.reports import AuditReport
from bert_bundle.host.report.style import Style
from bert_bundle.host.report.text import runs as text
from bert_bundle.host.runs import run
from bert_bundle.host.runs.local_executor import Local
from bert_bundle.host.runs.run_options import RunOptions

WIDTH = 104
_REMOTE_FONT = re.compile(r',\s*url\("https:[^)]*\) format\("\w+"\)')  # the picture loads nothing from other hosts


def main() -> None:
    """Audit, draw the picture, and end with the exit code of the audit."""
    if len(sys.argv) != 2:
        sys.exit("usage: python tools/picture.py BUNDLE")
    bundle = Path(sys.argv[1])
    path = default_matrix_path()
    matrix = read_matrix(path)
    places = prepare(matrix.select(groups=["ci"]), path.parent / FOLDER, progress=print)
    options = RunOptions(expect=matrix.expect, tolerances=matrix.policy)
    found = run.audit(bundle, places, executor=Local(2), progress=print, options=options)
    console = Console(file=io.StringIO(), record=True, width=WIDTH)
    console.print(Text(f"$ bert-bundle audit {bundle.name}", style="bold"))
    console.print(Text.from_ansi(text.audit(AuditReport(run=found), Style(width=WIDTH, color=True))))
    svg = _REMOTE_FONT.sub("", console.export_svg(title="bert_bundle"))
    Path(__file__).resolve().parents[1].joinpath("docs", "audit.svg").write_text(svg, encoding="utf-8")
    sys.exit(found.exit_code)


if __name__ == "__main__":
    main()
