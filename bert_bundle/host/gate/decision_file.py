"""verdict.json: owns how it comes into its place and what a deploy step may ask of it, not what a gate decides.

A verdict is no signature: whoever may write the file may write what it says. It keeps a deploy step from mistaking one
bundle, policy or answer for another.
"""

from pathlib import Path
from typing import Any

from bert_bundle.errors import BundleError, ConfigError, printable
from bert_bundle.format import strict_json
from bert_bundle.format.staging import write_file
from bert_bundle.host.config.gate_policy import GatePolicy

DECISION_FORMAT = "bert_bundle verdict"
DECISION_VERSION = 1  # raised when a reader of the version before would misread a verdict
LARGEST = 64 << 20  # bytes; a label that changed takes a few hundred


def clear(path: Path) -> None:
    """Removes the verdict that is at `path`: a gate that ends early must not leave the answer of an earlier one.

    Raises ConfigError where what is there is no verdict, or where no file can be.
    """
    if not path.absolute().parent.is_dir():
        raise ConfigError(
            "no folder for the verdict",
            place=path,
            wanted="a folder that is there",
            fix="make it, or name another --out",
        )
    if path.is_symlink() or path.exists():
        read(path)
        path.unlink()


def write(path: Path, record: dict[str, Any]) -> None:
    """`record` as canonical JSON, in one step. Raises StorageError."""
    write_file(str(path), strict_json.canonical(record))


def read(path: Path) -> dict[str, Any]:
    """The verdict in the file. Raises ConfigError for a file that holds none, or one of a newer format."""
    try:
        with path.open("rb") as file:
            record = strict_json.parse(file.read(LARGEST), path.name)
    except OSError as error:
        raise ConfigError(
            "no verdict", place=path, found=error.strerror or error, fix="run bert-bundle gate first"
        ) from error
    except BundleError as error:
        raise ConfigError(
            "the file holds no verdict", place=path, found=error.message, fix="name another file"
        ) from error
    if not isinstance(record, dict) or record.get("format") != DECISION_FORMAT:
        raise ConfigError(
            "the file holds no verdict", place=path, wanted=f"format: {DECISION_FORMAT}", fix="name another file"
        )
    if record.get("format_version") != DECISION_VERSION:
        raise ConfigError(
            "a verdict of another format",
            place=path,
            wanted=DECISION_VERSION,
            found=record.get("format_version"),
            fix="run the gate again with this bert_bundle",
        )
    return record


def objection(record: dict[str, Any], digest: str, policy: GatePolicy | None) -> str:
    """Why the verdict does not let the bundle of `digest` ship, by that policy where one is given; empty if it does."""
    if record.get("candidate") != digest:
        return f"the verdict is on another bundle: {printable(record.get('candidate'))}"
    if policy is not None and record.get("policy") != policy.digest:
        return f"the verdict was given by another policy: {printable(record.get('policy'))}"
    if record.get("decision") != "ships":
        return f"the verdict is: {printable(record.get('decision'))}"
    return ""
