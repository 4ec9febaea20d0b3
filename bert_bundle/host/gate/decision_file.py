"""The decision file of a gate, verdict.json: how it is written and what a deploy step checks in it.

Does not know how a gate decides. The file is not signed: anyone who can write it can change the decision. It keeps a
deploy step from mistaking one bundle, policy or decision for another.
"""

from pathlib import Path

from bert_bundle.errors import BundleError, ConfigError, printable
from bert_bundle.format import strict_json
from bert_bundle.format.staging import write_file

DECISION_FORMAT = "bert_bundle verdict"
DECISION_VERSION = 1  # raised when a reader of the version before would misread a file
LARGEST = 64 << 20  # bytes; a label that changed takes a few hundred


def clear(path: Path) -> None:
    """Remove the decision file at `path`: a gate that ends early must not leave an earlier decision.

    Raises ConfigError if something else is there, or if the folder does not exist.
    """
    if not path.absolute().parent.is_dir():
        raise ConfigError(
            "the folder of --out does not exist",
            place=path,
            wanted="an existing folder",
            fix="create it, or name another file with --out",
        )
    if path.is_symlink() or path.exists():
        read(path)
        path.unlink()


def write(path: Path, record: dict[str, object]) -> None:
    """Write `record` as canonical JSON, in one step. Raises StorageError."""
    write_file(str(path), strict_json.canonical(record))


def read(path: Path) -> dict[str, object]:
    """Return the record in the file. Raises ConfigError if it is not a decision file, or has another format version."""
    try:
        with path.open("rb") as file:
            record = strict_json.parse(file.read(LARGEST), path.name)
    except OSError as error:
        raise ConfigError(
            "the decision file cannot be read",
            place=path,
            found=error.strerror or error,
            fix="run bert-bundle gate first",
        ) from error
    except BundleError as error:
        raise ConfigError("not a decision file", place=path, found=error.message, fix="name another file") from error
    if not isinstance(record, dict) or record.get("format") != DECISION_FORMAT:
        raise ConfigError(
            "not a decision file", place=path, wanted=f"format: {DECISION_FORMAT}", fix="name another file"
        )
    if record.get("format_version") != DECISION_VERSION:
        raise ConfigError(
            "the decision file has another format version",
            place=path,
            wanted=DECISION_VERSION,
            found=record.get("format_version"),
            fix="run the gate again with this bert_bundle",
        )
    return record


def objection(record: dict[str, object], candidate: str, policy: str | None) -> str:
    """Return why the decision does not let the bundle of the digest `candidate` ship; empty if it does.

    `policy` is the digest of the policy that the decision must have been made by, if any.
    """
    if record.get("candidate") != candidate:
        return f"the decision is about another bundle: {printable(record.get('candidate'))}"
    if policy is not None and record.get("policy") != policy:
        return f"the decision was made by another policy: {printable(record.get('policy'))}"
    if record.get("decision") != "ships":
        return f"the decision is: {printable(record.get('decision'))}"
    return ""
