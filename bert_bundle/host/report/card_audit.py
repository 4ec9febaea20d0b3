"""The last audit in a card: the verdicts of a document that `bert-bundle audit` wrote, as Markdown."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

from bert_bundle.card.markdown import plain
from bert_bundle.errors import ConfigError
from bert_bundle.host.report import numbers

_FIX = "name a file that `bert-bundle audit BUNDLE --report json=FILE` wrote"


class _Verdict(BaseModel, frozen=True):
    bundle: str
    reader: str
    grade: str
    as_expected: bool
    reason: str
    double: float | None
    labels_changed: int | None


class _Audit(BaseModel, frozen=True):
    verdicts: tuple[_Verdict, ...] = Field(min_length=1)


def lines(path: Path, bundle: Path) -> list[str]:
    """Return the section about the audit of `bundle` in the file at `path`.

    Raises ConfigError for a file that is not the document of an audit, or not of a bundle of this name.
    """
    verdicts = _read(path).verdicts
    names = {Path(verdict.bundle).name for verdict in verdicts}
    if names != {bundle.absolute().name}:
        raise ConfigError(
            "the audit is of another bundle",
            place=path,
            wanted=bundle.absolute().name,
            found=", ".join(sorted(names)),
            fix="audit this bundle",
        )
    expected = sum(verdict.as_expected for verdict in verdicts)
    rows = [
        f"| {plain(v.reader)} | {plain(v.grade)} | {'yes' if v.as_expected else '**no**: ' + plain(v.reason)} "
        f"| {plain(numbers.figure(v.double))} | {plain(numbers.count(v.labels_changed))} |"
        for v in verdicts
    ]
    return [
        "## Last audit",
        "",
        f"Replayed in {len(verdicts)} environments, {expected} as expected.",
        "",
        "| environment | grade | as expected | float64 difference | labels changed |",
        "| --- | --- | --- | --- | --- |",
        *rows,
    ]


def _read(path: Path) -> _Audit:
    try:
        return _Audit.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ConfigError("the file cannot be read", place=path, found=error.strerror or error, fix=_FIX) from None
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ".".join(map(str, fault["loc"]))
        raise ConfigError(
            "not the document of an audit", place=f"{path}: {where}".removesuffix(": "), found=fault["msg"], fix=_FIX
        ) from None
