"""The pipes of one worker process, read and written without blocking.

Owns bytes and lines. Does not know what they mean.
"""

import os
import selectors
import subprocess
from typing import IO, cast

_CHUNK = 1 << 16
_KEPT_STDERR = 1 << 16  # bytes of standard error that are kept


class Pipe:
    """Standard input, output and error of `process`; `poll` moves the data.

    With plain reads and writes, a request larger than a pipe's buffer, or a worker that fills standard error while
    the host does not read it, would block forever, and no time limit could be enforced.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._input = cast(IO[bytes], process.stdin)
        self._output = cast(IO[bytes], process.stdout)
        self._errors = cast(IO[bytes], process.stderr)
        self._outgoing = bytearray()
        self._incoming = bytearray()
        self._stderr = bytearray()
        self._selector = selectors.DefaultSelector()
        for stream in (self._input, self._output, self._errors):
            os.set_blocking(stream.fileno(), False)
        for stream in (self._output, self._errors):
            self._selector.register(stream, selectors.EVENT_READ)

    def send(self, line: bytes) -> None:
        """Queue `line`; `poll` writes it."""
        if not self._outgoing:
            self._selector.register(self._input, selectors.EVENT_WRITE)
        self._outgoing += line

    def poll(self, seconds: float) -> list[bytes]:
        """Move what is ready, waiting at most `seconds`, and return the complete lines that arrived.

        Raises EOFError once the worker has closed its end.
        """
        for key, _ in self._selector.select(seconds):
            if key.fileobj is self._input:
                self._write()
            elif key.fileobj is self._errors:
                self._read_stderr()
            elif chunk := _read(self._output):
                return self._lines(chunk)
            else:
                raise EOFError
        return []

    def last_error_lines(self, lines: int) -> str:
        """Return the last `lines` of standard error so far."""
        while self._errors in self._selector.get_map() and self._read_stderr():
            pass
        return "\n".join(self._stderr.decode("utf-8", "replace").splitlines()[-lines:])

    def close(self) -> None:
        """Close the host's ends."""
        self._selector.close()
        for stream in (self._input, self._output, self._errors):
            stream.close()

    def _lines(self, chunk: bytes) -> list[bytes]:
        self._incoming += chunk
        if b"\n" not in chunk:  # do not search a long answer again with every chunk
            return []
        *lines, rest = self._incoming.split(b"\n")
        self._incoming = bytearray(rest)
        return [bytes(line) for line in lines]

    def _write(self) -> None:
        try:
            del self._outgoing[: os.write(self._input.fileno(), self._outgoing[:_CHUNK])]
        except BrokenPipeError:
            self._outgoing.clear()  # the worker has ended: `poll` raises EOFError for its output
        if not self._outgoing:
            self._selector.unregister(self._input)

    def _read_stderr(self) -> int:
        chunk = _read(self._errors)
        if chunk == b"":
            self._selector.unregister(self._errors)
        self._stderr += chunk or b""
        del self._stderr[:-_KEPT_STDERR]
        return len(chunk or b"")


def _read(stream: IO[bytes]) -> bytes | None:
    """Return what has arrived: None if nothing has, empty at the end."""
    try:
        return os.read(stream.fileno(), _CHUNK)
    except BlockingIOError:
        return None
