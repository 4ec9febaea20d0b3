"""Audits a bundle in the group ci and draws the table as docs/audit.svg: `python tools/picture.py BUNDLE`.

The picture shows the text that `bert-bundle audit` prints on a terminal, from a real run.
"""

import io
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

WIDTH = 104
_REMOTE_FONT = re.compile(r',\s*url\("https:[^)]*\) format\("\w+"\)')  # the picture loads nothing from other hosts


def main() -> None:
    """Audit, draw the picture, and end with the exit code of the audit."""
    if len(sys.argv) != 2:
        sys.exit("usage: python tools/picture.py BUNDLE")
    bundle = Path(sys.argv[1])
    shown, code = on_a_terminal("audit", str(bundle), "--groups", "ci")
    console = Console(file=io.StringIO(), record=True, width=WIDTH)
    console.print(Text(f"$ bert-bundle audit {bundle.name}", style="bold"))
    console.print(Text.from_ansi(shown))
    svg = _REMOTE_FONT.sub("", console.export_svg(title="bert_bundle"))
    Path(__file__).resolve().parents[1].joinpath("docs", "audit.svg").write_text(svg, encoding="utf-8")
    sys.exit(code)


def on_a_terminal(*arguments: str) -> tuple[str, int]:
    """Run a command with a terminal as its standard output; return what it printed there, and its exit code."""
    variables = {**os.environ, "COLUMNS": str(WIDTH), "TERM": "xterm-256color"}
    reading, terminal = pty.openpty()
    with open(reading, "rb", buffering=0) as output:
        process = subprocess.Popen([sys.executable, "-m", "bert_bundle", *arguments], stdout=terminal, env=variables)
        os.close(terminal)
        printed = b"".join(iter(lambda: _read(output.fileno()), b""))
    return printed.decode("utf-8").replace("\r\n", "\n"), process.wait()


def _read(descriptor: int) -> bytes:
    """Return some bytes, none at the end: Linux reports an error where no process has the terminal any more."""
    try:
        return os.read(descriptor, 4096)
    except OSError:
        return b""


if __name__ == "__main__":
    main()
