"""The errors that this package raises on purpose, each with the exit code of a command that fails with it.

Owns the classes and how they are printed. Does not know: what raises them.
An error has a message (what is wrong), a `place` (where), what was `wanted` and `found`, and a `fix` (what to do).

Layer 1 of the core.
"""

from typing import Any, ClassVar, Dict, Iterator, Optional, Type

AS_EXPECTED = 0
NOT_AS_EXPECTED = 1
USAGE = 2
NOT_RUN = 3
NO_ENVIRONMENT = 4
REFUSED = 5
INTERRUPTED = 130

_LONGEST = 300  # characters of a value that a message shows: a hostile file must not fill a terminal


def printable(value: Any, longest: int = _LONGEST) -> str:
    """Return `value` on one line: control characters and lone surrogates escaped, at most 300 characters."""
    text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(value))
    return text if len(text) <= longest else text[:longest] + "..."


class BertBundleError(Exception):
    """Base class: `message`, `place`, `wanted`, `found`, `fix` and the exit code of a command that fails with it."""

    exit_code: ClassVar[int] = REFUSED

    def __init__(
        self,
        message: str,
        *,
        place: Any = "",
        wanted: Any = "",
        found: Any = "",
        fix: str = "",
    ) -> None:
        self.message = printable(message)
        self.place = printable(place)
        self.wanted = printable(wanted)
        self.found = printable(found)
        self.fix = printable(fix)
        super().__init__(self.message)

    def __str__(self) -> str:
        lines = [self.message if not self.place else "{} @ {}".format(self.message, self.place)]
        lines += [
            "  {}: {}".format(name, value)
            for name, value in (("wanted", self.wanted), ("found", self.found), ("fix", self.fix))
            if value
        ]
        return "\n".join(lines)

    def to_json(self) -> Dict[str, str]:
        """Return the error as the plain record used by `--json` and by a worker's answers."""
        return {
            "class": type(self).__name__,
            "message": self.message,
            "place": self.place,
            "wanted": self.wanted,
            "found": self.found,
            "fix": self.fix,
        }


class BundleError(BertBundleError):
    """Something about one bundle, on disk or about to be saved."""


class FormatError(BundleError):
    """A file of the bundle is malformed, missing, or contradicts another one."""


class IntegrityError(BundleError):
    """A file has changed since it was written: its size or digest differs from the manifest's."""


class UnsafeError(BundleError):
    """Something in the bundle could run code or reach files outside the bundle."""


class VersionError(BundleError):
    """The bundle was written by a newer bert_bundle."""


class LimitError(BundleError):
    """Something is larger than the limits allow."""


class StorageError(BundleError):
    """The file system failed: no space, no permission, a failed fsync."""


class LockedError(BundleError):
    """Another process is saving to the same target."""


class ConflictError(BundleError):
    """The target exists and may not be replaced."""


class ModelError(BundleError):
    """The model contains something that a bundle cannot represent; the error names the layer."""


class TokenizerError(BundleError):
    """The tokenizer does not fit the model, or cannot be represented."""


class SignatureError(BundleError):
    """Labels, examples or features do not match the model's inputs and outputs."""


class ProofError(BundleError):
    """A staged bundle, loaded again, did not reproduce the predictions of the model."""


class RuntimeUnavailableError(BundleError):
    """The installed packages cannot load this bundle; the error names what is missing."""


class ConfigError(BertBundleError):
    """The matrix file, the policy file or the arguments of the command are invalid."""

    exit_code = USAGE


class EnvironmentNotMadeError(BertBundleError):
    """A locked environment could not be created: an interpreter or a package is missing."""

    exit_code = NO_ENVIRONMENT


class InterruptedRunError(BertBundleError):
    """The command was interrupted before it had a result."""

    exit_code = INTERRUPTED


class WorkerError(BertBundleError):
    """A worker did not answer: it crashed (`crashed`), ran out of time (`timeout`) or of memory."""

    exit_code = NOT_RUN

    def __init__(self, message: str, *, outcome: str = "crashed", **parts: Any) -> None:
        super().__init__(message, **parts)
        self.outcome = outcome


class HubError(BertBundleError):
    """The Hub did not give or take a bundle: no network, no such repository or revision, no permission."""

    exit_code = NOT_RUN


def from_json(record: Dict[str, Optional[str]]) -> BertBundleError:
    """Return the error that `to_json` described; an unknown class becomes a `WorkerError`."""
    known = {c.__name__: c for c in _subclasses(BertBundleError)}
    parts = {k: record.get(k) or "" for k in ("place", "wanted", "found", "fix")}
    cls = known.get(record.get("class") or "")
    if cls is None:
        return WorkerError("{}: {}".format(record.get("class"), record.get("message")), **parts)
    error: BertBundleError = cls(record.get("message") or "", **parts)
    return error


def _subclasses(cls: Type[BertBundleError]) -> Iterator[Type[BertBundleError]]:
    yield cls
    for child in cls.__subclasses__():
        yield from _subclasses(child)
