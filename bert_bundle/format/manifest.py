"""The manifest: what a bundle is, and the size and digest of each of its files. `Manifest.parse` is the only parser.

Canonical JSON without time, host name or path. It contains its own digest, so that a changed byte in it is noticed like
one in any other file.
"""

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Dict, List, Mapping, Tuple, cast

from bert_bundle.errors import FormatError, IntegrityError, VersionError, printable
from bert_bundle.format import layout, strict_json, tasks
from bert_bundle.format.files import COPY_AGAIN, sha256
from bert_bundle.format.signature_types import Signature
from bert_bundle.format.tasks import Task
from bert_bundle.interpreter.installed import PACKAGES
from bert_bundle.interpreter.known_breakages import RUNTIMES

_CUSTOM = "custom_objects"  # only in the manifests of bundles that need custom classes
_FIELDS = {
    "digest": str,
    "encoders": dict,
    "files": dict,
    "format": str,
    "format_version": int,
    "labels": list,
    "metadata": dict,
    "proof": dict,
    "runtime": str,
    "signature": dict,
    "tokenizer": dict,
    "writer": dict,
}


@dataclass(frozen=True)
class File:
    """Size in bytes and sha256 of one file."""

    size: int
    sha256: str


@dataclass(frozen=True, repr=False)
class Manifest:
    """The content of `bundle.json`: plain data. `files` lists all other files of the bundle, by path.

    writer     versions that wrote it: {"python": ..., "bert_bundle": ..., "packages": {name: version}}
    runtime    the runtime that the writer rebuilt the model with, "transformers" or "native"
    signature  {"inputs": [{name, dtype, shape, role, text?}], "outputs": [...], "form": ...}; an output is
               {name, dtype, shape, task?, scores?, labels?} (see `signature_types`)
    labels     the names of the classes, empty for none, or if outputs have their own
    tokenizer  {max_length, padding, truncation, ...}; empty for a bundle without one
    encoders   name -> {"class", "model_type"}
    proof      how the save was proven: {"proven": bool, ...}
    metadata   the user's own fields
    custom_objects  names of the user-defined classes that must be passed to `load`, sorted; empty for none
    extra      fields of a later format 1 with `must_understand: false`: kept, not interpreted
    """

    writer: Mapping[str, Any]
    runtime: str
    signature: Signature
    labels: Tuple[str, ...]
    tokenizer: Mapping[str, Any]
    encoders: Mapping[str, Any]
    proof: Mapping[str, Any]
    metadata: Mapping[str, Any]
    files: Mapping[str, File]
    extra: Mapping[str, Any] = field(default_factory=dict)
    custom_objects: Tuple[str, ...] = ()

    def __repr__(self) -> str:
        return "Manifest({}: {})".format(self.digest[:12], self.in_brief)

    @property
    def in_brief(self) -> str:
        """Return what is in the bundle and what wrote it, on one line."""
        facts = [facts for facts in self.encoders.values() if isinstance(facts, Mapping)]
        labels = len(self.all_labels)
        parts = [
            *sorted({str(one.get("class")) for one in facts}),
            "{} label{}".format(labels, "" if labels == 1 else "s"),
            "written by " + _first_package(self.writer),
        ]
        return printable(", ".join(parts))

    @property
    def digest(self) -> str:
        """Return the sha256 of the canonical manifest without its own digest: the identity of the bundle."""
        return sha256(strict_json.canonical(self._fields()))

    @property
    def tasks(self) -> Mapping[str, Task]:
        """Return output name -> task, of the outputs that do not mean what outputs without the field mean."""
        return tasks.checked(self.signature.get("outputs"))

    @property
    def output_labels(self) -> Mapping[str, Tuple[str, ...]]:
        """Return output name -> names of its classes, of the outputs that have their own; otherwise empty."""
        return tasks.checked_labels(self.signature.get("outputs"))

    @property
    def all_labels(self) -> List[str]:
        """Return every name of a class, in order; those that an output has for itself after the output's name."""
        own = ("{}: {}".format(output, name) for output, names in self.output_labels.items() for name in names)
        return [*self.labels, *own]

    def labels_of(self, output: str) -> Tuple[str, ...]:
        """Return the names of the classes of an output: its own, or those of the bundle."""
        return self.output_labels.get(output, self.labels)

    def to_json(self) -> Dict[str, object]:
        """Return the manifest as the JSON document that is on disk."""
        return dict(self._fields(), digest=self.digest)

    def to_bytes(self) -> bytes:
        """Return the bytes of `bundle.json`."""
        return strict_json.canonical(self.to_json())

    def _fields(self) -> Dict[str, object]:
        return {
            **self.extra,
            **({_CUSTOM: list(self.custom_objects)} if self.custom_objects else {}),
            "encoders": dict(self.encoders),
            "files": {p: {"sha256": f.sha256, "size": f.size} for p, f in self.files.items()},
            "format": layout.FORMAT_NAME,
            "format_version": layout.FORMAT_VERSION,
            "labels": list(self.labels),
            "metadata": dict(self.metadata),
            "proof": dict(self.proof),
            "runtime": self.runtime,
            "signature": dict(self.signature),
            "tokenizer": dict(self.tokenizer),
            "writer": dict(self.writer),
        }

    @classmethod
    def parse(cls, data: bytes) -> "Manifest":
        """Parse the bytes of `bundle.json`.

        Raises FormatError with the field, VersionError for a newer format, IntegrityError for a changed byte.
        """
        document = strict_json.parse(data, layout.MANIFEST)
        if not isinstance(document, dict) or document.get("format") != layout.FORMAT_NAME:
            raise FormatError(
                "not a bundle's manifest",
                place=layout.MANIFEST + "#/format",
                wanted=layout.FORMAT_NAME,
                found=document.get("format") if isinstance(document, dict) else type(document).__name__,
            )
        _check_version(document.get("format_version"))
        extra = {name: document[name] for name in sorted(set(document) - set(_FIELDS) - {_CUSTOM})}
        for name, value in extra.items():
            _check_unknown(name, value)
        for name, kind in _FIELDS.items():
            if type(document.get(name)) is not kind:
                raise _fault(name, "a {}".format(kind.__name__), document.get(name, "nothing"))
        if document["runtime"] not in RUNTIMES:
            raise _fault("runtime", " or ".join(RUNTIMES), document["runtime"])
        labels = document["labels"]
        if not all(isinstance(label, str) for label in labels) or len(set(labels)) != len(labels):
            raise _fault("labels", "a list of distinct strings", labels)
        tasks.checked(document["signature"].get("outputs"))
        tasks.checked_labels(document["signature"].get("outputs"))
        custom = document.get(_CUSTOM, [""])
        all_text = isinstance(custom, list) and all(isinstance(name, str) for name in custom)
        if not all_text or not custom or custom != sorted(set(custom)):
            raise _fault(_CUSTOM, "distinct names, sorted, or no such field", custom)
        manifest = cls(
            writer=MappingProxyType(document["writer"]),
            runtime=document["runtime"],
            signature=cast(Signature, MappingProxyType(document["signature"])),  # a mapping that nobody can change
            labels=tuple(labels),
            tokenizer=MappingProxyType(document["tokenizer"]),
            encoders=MappingProxyType(document["encoders"]),
            proof=MappingProxyType(document["proof"]),
            metadata=MappingProxyType(document["metadata"]),
            files=_files(document["files"]),
            extra=MappingProxyType(extra),
            custom_objects=tuple(document.get(_CUSTOM, ())),
        )
        if manifest.to_bytes() != data:  # its own digest included
            raise IntegrityError(
                "the manifest is not what was written",
                place=layout.MANIFEST,
                wanted="digest " + manifest.digest,
                found="digest {}".format(document["digest"]),
                fix=COPY_AGAIN,
            )
        return manifest


def _first_package(writer: Mapping[str, Any]) -> str:
    """Return the backend of the writer with its version, or another of its packages."""
    packages = writer.get("packages")
    known = packages if isinstance(packages, Mapping) else {}
    return next(("{} {}".format(name, known[name]) for name in PACKAGES if name in known), "unknown packages")


def _check_version(version: object) -> None:
    if type(version) is not int or version < 1:
        raise _fault("format_version", "a whole number from 1", version)
    if version > layout.FORMAT_VERSION:
        raise VersionError(
            "the bundle has a newer format",
            place=layout.MANIFEST + "#/format_version",
            wanted="at most {}".format(layout.FORMAT_VERSION),
            found=version,
            fix="install a newer bert_bundle",
        )


def _check_unknown(name: str, value: object) -> None:
    if not (isinstance(value, dict) and value.get("must_understand") is False):
        raise VersionError(
            "a field that this bert_bundle does not know",
            place="{}#/{}".format(layout.MANIFEST, name),
            wanted="a known field, or one with must_understand: false",
            fix="install a newer bert_bundle",
        )


def _files(records: Dict[str, object]) -> Mapping[str, File]:
    files = {}
    for path, record in records.items():
        layout.check_file(path)
        place = "files/" + path.replace("/", "~1")
        if not isinstance(record, dict) or set(record) != {"sha256", "size"}:
            raise _fault(place, "sha256 and size", record)
        size, digest = record["size"], record["sha256"]
        if type(size) is not int or size < 0:
            raise _fault(place + "/size", "a natural number", size)
        if not isinstance(digest, str) or len(digest) != 64 or set(digest) - set("0123456789abcdef"):
            raise _fault(place + "/sha256", "64 hexadecimal digits", digest)
        files[path] = File(size, digest)
    if layout.MANIFEST in files:
        raise _fault("files", "every other file", "the manifest itself")
    layout.check_distinct(files)
    return MappingProxyType(files)


def _fault(field: str, wanted: str, found: object) -> FormatError:
    return FormatError(
        "the manifest is malformed", place="{}#/{}".format(layout.MANIFEST, field), wanted=wanted, found=found
    )
