"""The pipes of a process: complete lines, never blocked, bounded."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator

from bert_bundle.host.workers.pipe import Pipe


@contextlib.contextmanager
def process(program: str) -> Iterator[Pipe]:
    with subprocess.Popen(
        [sys.executable, "-c", "import sys, time\n" + program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
    ) as started:
        pipe = Pipe(started)
        try:
            yield pipe
        finally:
            started.kill()
            pipe.close()


def everything(pipe: Pipe) -> list[bytes]:
    """Every line until the process closes its end."""
    lines: list[bytes] = []
    with contextlib.suppress(EOFError):
        while True:
            lines += pipe.poll(5)
    return lines


def test_lines_are_whole_however_they_arrive() -> None:
    program = "for part in ('a', 'b\\nc', '\\n', '\\n', 'd\\ne'):\n  print(part, end='', flush=True); time.sleep(0.05)"
    with process(program) as pipe:
        assert everything(pipe) == [b"ab", b"c", b"", b"d"]


def test_a_poll_of_silence_takes_no_longer_than_it_may() -> None:
    with process("time.sleep(60)") as pipe:
        started = time.monotonic()
        assert pipe.poll(0.2) == []
        assert time.monotonic() - started < 2


def test_a_process_that_never_reads_blocks_nobody() -> None:
    with process("time.sleep(60)") as pipe:
        pipe.send(b"x" * 5_000_000)
        started = time.monotonic()
        for _ in range(20):
            assert pipe.poll(0.01) == []
        assert time.monotonic() - started < 5


def test_a_process_that_died_takes_no_line_and_breaks_nothing() -> None:
    with process("pass") as pipe:
        assert everything(pipe) == []
        pipe.send(b"x" * 1_000_000)
        assert everything(pipe) == []


def test_the_last_error_lines_are_the_last_ones_and_bounded() -> None:
    with process("for i in range(50_000): print('line', i, file=sys.stderr)") as pipe:
        everything(pipe)
        assert pipe.last_error_lines(2) == "line 49998\nline 49999"
        assert len(pipe.last_error_lines(10**9)) <= 1 << 16


def test_error_lines_that_are_not_utf_8_are_shown() -> None:
    with process("sys.stderr.buffer.write(b'\\xff\\n')") as pipe:
        everything(pipe)
        assert pipe.last_error_lines(5) == "\ufffd"
