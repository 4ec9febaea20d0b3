"""Addresses of bundles on the Hub: what is one, what it names, and how it is written."""

from pathlib import Path

import pytest

from bert_bundle.errors import ConfigError, UnsafeError
from bert_bundle.hub.address import HubAddress, is_address, parse

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("text", "repository", "revision", "folder"),
    [
        ("hf://me/router", "me/router", None, ""),
        ("hf://me/router/", "me/router", None, ""),
        ("hf://me/router@v1.2", "me/router", "v1.2", ""),
        (f"hf://my-team/router_2.0@{COMMIT}", "my-team/router_2.0", COMMIT, ""),
        ("hf://me/router@main/models/router", "me/router", "main", "models/router"),
        ("hf://me/router/models", "me/router", None, "models"),
        ("hf://me/router@feature%2Ffast/models", "me/router", "feature/fast", "models"),
        ("hf://me/router@refs/pr/7", "me/router", "refs/pr/7", ""),
        ("hf://me/router@refs/pr/7/models", "me/router", "refs/pr/7", "models"),
    ],
)
def test_an_address_names_repository_revision_and_folder(
    text: str, repository: str, revision: str | None, folder: str
) -> None:
    address = parse(text)
    assert address == HubAddress(repository, revision, folder)
    assert str(address) == text.rstrip("/")
    assert parse(str(address)) == address
    assert address.is_commit is (revision == COMMIT)


def test_an_address_that_went_through_pathlib_is_still_one() -> None:
    path = Path("hf://me/router@v1")
    assert str(path) == "hf:/me/router@v1"
    assert parse(path) == parse("hf://me/router@v1")


@pytest.mark.parametrize("text", ["router", "./hf/router", "/srv/hf://me/router", "https://hf.co/me/router", "hf:", ""])
def test_a_path_is_not_an_address(text: str) -> None:
    assert not is_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "hf://router", "hf://", "hf://me/", "hf://me/router@", "hf://me/router@@v1", "hf://../router", "hf://me/..",
        "hf://me/router@..", "hf://me/router@a%2F..%2Fb", "hf://me/router@-x", "hf://me/router@a%00b",
        "hf://m e/router", "hf:///me/router", "hf://datasets/me/tickets", "hf://spaces/me/demo", "hf://me/router@v 1",
    ],
)  # fmt: skip
def test_a_malformed_address_is_refused_with_the_form_that_is_wanted(text: str) -> None:
    with pytest.raises(ConfigError, match="not an address of a bundle on the Hub") as caught:
        parse(text)
    assert caught.value.wanted == "a repository of models" or caught.value.wanted.startswith("hf://OWNER/NAME, ")


@pytest.mark.parametrize("folder", ["../other", "a/../../b", "con", "a//b", ".git"])
def test_a_folder_of_an_address_is_a_plain_path(folder: str) -> None:
    with pytest.raises(UnsafeError, match="a path could reach outside of the bundle"):
        parse("hf://me/router@main/" + folder)


def test_the_address_of_a_commit_keeps_repository_and_folder() -> None:
    assert str(parse("hf://me/router@main/models").at(COMMIT)) == f"hf://me/router@{COMMIT}/models"
