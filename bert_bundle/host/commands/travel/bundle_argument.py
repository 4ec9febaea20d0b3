"""Arguments that name a bundle: a folder, or an address on the Hub, which is downloaded before the command runs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from bert_bundle.hub import address
from bert_bundle.hub.address import HubAddress


@dataclass(frozen=True)
class RemoteBundle:
    """An argument that is a bundle on the Hub."""

    address: HubAddress


class BundlePath(click.Path):
    """A path on this machine; or `hf://OWNER/NAME@REVISION`, which becomes a RemoteBundle."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return a Path or a RemoteBundle. Raises ConfigError for an address that is malformed."""
        if isinstance(value, str) and address.is_address(value):
            return RemoteBundle(address.parse(value))
        return super().convert(value, param, ctx)


class HubAddressType(click.ParamType):  # type: ignore[type-arg]  # generic in newer releases of click
    """An address on the Hub."""

    name = "address"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> HubAddress:
        """Return the address. Raises ConfigError for anything else."""
        return value if isinstance(value, HubAddress) else address.parse(value)


BUNDLE = BundlePath(path_type=Path)
ADDRESS = HubAddressType()


def on_disk(values: Mapping[str, object], progress: Callable[[str], None], *, quiet: bool) -> dict[str, object]:
    """Return the arguments of a command with every RemoteBundle as the folder that its download is in.

    Raises what `bert_bundle.hub.download.fetch` raises.
    """
    return {name: _folder(value, progress, quiet=quiet) for name, value in values.items()}


def _folder(value: object, progress: Callable[[str], None], *, quiet: bool) -> object:
    if not isinstance(value, RemoteBundle):
        return value
    from bert_bundle.hub.download import fetch

    announce(f"downloading {value.address}", progress, quiet=quiet)
    return Path(fetch(value.address).root)


def announce(line: str, progress: Callable[[str], None], *, quiet: bool) -> None:
    """Report the exchange with the Hub that begins; huggingface_hub shows bars of its own in a terminal only."""
    progress(line)
    if quiet or not sys.stderr.isatty():
        try:
            from huggingface_hub import utils
        except ImportError:
            return  # which the exchange itself reports
        utils.disable_progress_bars()  # type: ignore[attr-defined]
