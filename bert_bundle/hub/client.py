"""huggingface_hub, imported when it is needed, and its errors as errors of this package.

The endpoint, the token, the cache and the offline mode are its own: HF_ENDPOINT, HF_TOKEN, HF_HOME, HF_HUB_OFFLINE.
"""

from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, Iterator, Mapping

from bert_bundle.errors import BertBundleError, ConfigError, ConflictError, FormatError, HubError
from bert_bundle.hub.address import HubAddress
from bert_bundle.version import VERSION

LIBRARY: Mapping[str, str] = MappingProxyType({"library_name": "bert_bundle", "library_version": VERSION})
INSTALL = "pip install 'bert-bundle[hub]'"

_LOGIN = "log in with `hf auth login`, or set HF_TOKEN to a token that permits it"
_NETWORK = "check the network, HF_ENDPOINT and HF_HUB_OFFLINE"


@contextmanager
def client(address: HubAddress) -> Iterator[Any]:
    """Yield the module huggingface_hub; what it raises meanwhile becomes an error about `address`.

    Raises ConfigError if it is not installed, HubError for a network, repository or revision that is not there and a
    server that refuses, FormatError for a file that the repository does not have, ConflictError for a push that another
    one came before.
    """
    try:
        import huggingface_hub
    except ImportError:
        raise ConfigError(
            "hf:// needs a package that is not installed",
            place=address,
            wanted="the extra `hub`",
            found="no huggingface_hub",
            fix=INSTALL,
        ) from None
    try:
        yield huggingface_hub
    except BertBundleError:
        raise
    except Exception as error:  # a library that raises what its own libraries raise, another one in each release
        raise _typed(error, address) from error


def _typed(error: Exception, address: HubAddress) -> BertBundleError:
    from huggingface_hub import utils

    def is_a(*names: str) -> bool:
        return isinstance(error, tuple(getattr(utils, name) for name in names if hasattr(utils, name)))

    if is_a("RevisionNotFoundError"):
        return HubError(
            "the repository does not have this revision",
            place=address,
            wanted="a branch, a tag or a commit of {}".format(address.repository),
            found=address.revision or "no branch",
        )
    if is_a("GatedRepoError"):
        return HubError(
            "the repository is gated",
            place=address,
            found=_said(error),
            fix="accept its conditions on its page, and " + _LOGIN,
        )
    if is_a("RepositoryNotFoundError"):
        return HubError(
            "there is no such repository, or this token may not see it",
            place=address,
            found=_said(error),
            fix="check the name; if the repository is private, " + _LOGIN,
        )
    if is_a("LocalEntryNotFoundError", "OfflineModeIsEnabled"):
        cause = error.__cause__ or error
        return _unreachable(cause if isinstance(cause, Exception) else error, address)
    if is_a("EntryNotFoundError"):
        return FormatError(
            "not a bundle: the repository has no bundle.json there",
            place=address,
            wanted="a repository, or a folder of one, that `bert-bundle push` wrote",
        )
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403):
        return HubError("the Hub does not permit this", place=address, found=_said(error), fix=_LOGIN)
    if status in (409, 412):
        return ConflictError(
            "the repository was changed in the meantime", place=address, found=_said(error), fix="push again"
        )
    if status is None and isinstance(error, ValueError):
        return HubError("huggingface_hub refuses this", place=address, found=_said(error))
    return _unreachable(error, address) if status is None else _answered(error, address)


def _unreachable(error: Exception, address: HubAddress) -> HubError:
    if getattr(error, "response", None) is not None:
        return _answered(error, address)
    return HubError(
        "the Hub cannot be reached, and the cache of this machine does not hold the bundle",
        place=address,
        found=_said(error),
        fix=_NETWORK,
    )


def _answered(error: Exception, address: HubAddress) -> HubError:
    return HubError("the Hub answered with an error", place=address, found=_said(error), fix="try again later")


def _said(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines()]
    return "{}: {}".format(type(error).__name__, " ".join(line for line in lines if line))
