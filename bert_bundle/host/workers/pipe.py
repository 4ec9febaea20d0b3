"""The pipes of one worker process, none of which can block the host: owns bytes and lines, not what they say."""

import os
import selectors
import subprocess
from typing import IO, cast

_CHUNK = 1 << 16
_LAST_WORDS = 1 << 16  # bytes of standard error kept


class Pipe:
    """Standard input, output and error of `process`, moved along by `poll`.

    A request larger than a pipe's buffer, or a worker that fills standard error while nobody reads it, would make a
    plain write or read wait for ever; no time limit could hold.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._input = cast(IO[bytes], process.stdin)
        self._output = cast(IO[bytes], process.stdout)
        self._errors = cast(IO[bytes], process.stderr)
        self._outgoing = bytearray()
        self._incoming = bytearray()
        self._heard = bytearray()
        self._selector = selectors.DefaultSelector()
        for stream in (self._input, self._output, self._errors):
            os.set_blocking(stream.fileno(), False)
        for stream in (self._output, self._errors):
            self._selector.register(stream, selectors.EVENT_READ)

    def send(self, line: bytes) -> None:
        """Queues `line`; it is written while `poll` runs."""
        if not self._outgoing:
            self._selector.register(self._input, selectors.EVENT_WRITE)
        self._outgoing += line

    def poll(self, seconds: float) -> list[bytes]:
        """Moves what is ready, waiting at most `seconds` for anything; the whole lines that arrived.

        Raises EOFError once the worker has closed its end.
        """
        for key, _ in self._selector.select(seconds):
            if key.fileobj is self._input:
                self._write()
            elif key.fileobj is self._errors:
                self._hear()
            elif chunk := _read(self._output):
                return self._lines(chunk)
            else:
                raise EOFError
        return []

    def last_words(self, lines: int) -> str:
        """The last `lines` of standard error so far."""
        while self._errors in self._selector.get_map() and self._hear():
            pass
        return "\n".join(self._heard.decode("utf-8", "replace").splitlines()[-lines:])

    def close(self) -> None:
        """Closes the host's ends."""
        self._selector.close()
        for stream in (self._input, self._output, self._errors):
            stream.close()

    def _lines(self, chunk: bytes) -> list[bytes]:
        self._incoming += chunk
        if b"\n" not in chunk:  # an answer of many chunks is not searched again with each
            return []
        *lines, rest = self._incoming.split(b"\n")
        self._incoming = bytearray(rest)
        return [bytes(line) for line in lines]

    def _write(self) -> None:
        try:
            del self._outgoing[: os.write(self._input.fileno(), self._outgoing[:_CHUNK])]
        except BrokenPipeError:
            self._outgoing.clear()  # the worker died: the end of its output says so
        if not self._outgoing:
            self._selector.unregister(self._input)

    def _hear(self) -> int:
        chunk = _read(self._errors)
        if chunk == b"":
            self._selector.unregister(self._errors)
        self._heard += chunk or b""
        del self._heard[:-_LAST_WORDS]
        return len(chunk or b"")


def _read(stream: IO[bytes]) -> bytes | None:
    """What is there: None for nothing yet, empty at the end."""
    try:
        return os.read(stream.fileno(), _CHUNK)
    except BlockingIOError:
        return None
