"""Records as other records, and as the documents of JSON."""

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from bert_bundle.host.report.documents.document import plain

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def contents(record: "DataclassInstance") -> dict[str, Any]:
    """Return field -> value of a record, to make a record of another class of them."""
    return {field.name: getattr(record, field.name) for field in fields(record)}


def plain_document(document: Mapping[str, object]) -> dict[str, Any]:
    """Return a document made of what JSON has, as a command prints it."""
    return {key: plain(value) for key, value in document.items()}
