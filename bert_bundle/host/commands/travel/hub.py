"""The commands that bring a bundle to the Hub and back."""

from __future__ import annotations

import re
from pathlib import Path

import click

from bert_bundle.host.commands.command_result import CommandResult
from bert_bundle.host.commands.options import Options, common
from bert_bundle.host.commands.travel.bundle_argument import ADDRESS, BUNDLE, announce
from bert_bundle.hub.address import HubAddress

_DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{64})")


@click.command()
@click.argument("bundle", type=BUNDLE)
@click.argument("address", type=ADDRESS)
@click.option("--private", is_flag=True, help="Make the repository private, if it does not exist yet.")
@click.option("--message", default="", metavar="TEXT", help="The message of the commit; default: one with the digest.")
@common
def push(options: Options, bundle: Path, address: HubAddress, private: bool, message: str) -> CommandResult:
    """Push a bundle to the Hugging Face Hub.

    ADDRESS is hf://OWNER/NAME, hf://OWNER/NAME@BRANCH, or either with /FOLDER. The repository and the branch are made
    if they do not exist. BUNDLE is verified, and becomes what ADDRESS holds in one commit; what the Hub then holds is
    compared with it. Its card is pushed too, with a call that loads ADDRESS if it was generated. A repository that
    holds other files than a bundle is refused.

    Needs the extra `hub`. The token, the endpoint and the cache are those of huggingface_hub: `hf auth login`,
    HF_TOKEN, HF_ENDPOINT, HF_HOME.

    \b
    Examples:
      bert-bundle push ticket-router hf://me/ticket-router
      bert-bundle push ticket-router hf://me/ticket-router@candidate --private
    """
    from bert_bundle.format.open_bundle import check_files, open_bundle
    from bert_bundle.host.commands.travel.card_text import card_for
    from bert_bundle.host.report.documents import bundles as documents
    from bert_bundle.host.report.results import PushedBundle
    from bert_bundle.host.report.text import travel as text
    from bert_bundle.hub.push import push as pushing

    opened = open_bundle(str(bundle))
    check_files(opened)
    card = card_for(opened, bundle.absolute().name, location=str(address))
    announce(f"pushing {bundle} to {address}", options.progress, quiet=options.quiet)
    done = pushing(opened, address, private=private, message=message, card=card)
    found = PushedBundle(bundle=bundle, address=str(done.address), digest=done.digest, removed=done.removed)
    return options.result(found, document=documents.pushed, text=text.pushed)


@click.command()
@click.argument("address", type=ADDRESS)
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, metavar="BUNDLE", help="Write it here.")
@click.option("--digest", metavar="SHA256", help="Refuse a bundle of any other digest.")
@click.option("--force", is_flag=True, help="Replace an existing bundle at --out.")
@common
def pull(options: Options, address: HubAddress, out: Path, digest: str | None, force: bool) -> CommandResult:
    """Pull a bundle from the Hugging Face Hub.

    ADDRESS is hf://OWNER/NAME, with @REVISION for a branch, a tag or a commit, and /FOLDER for a bundle that is not at
    the top of its repository. Only files that the bundle lists are downloaded, and every digest is checked before
    anything is written to --out. After an error --out is as before.

    Other commands take an address wherever they take a bundle.

    \b
    Examples:
      bert-bundle pull hf://me/ticket-router -o ticket-router
      bert-bundle pull hf://me/ticket-router@v2 -o ticket-router --force --json
    """
    from bert_bundle.host.report.documents import bundles as documents
    from bert_bundle.host.report.results import PulledBundle
    from bert_bundle.host.report.text import travel as text
    from bert_bundle.hub.download import pull as pulling

    wanted = _DIGEST.fullmatch(digest.lower()) if digest is not None else None
    if digest is not None and wanted is None:
        raise click.BadParameter("64 hexadecimal digits are wanted.", param_hint="--digest")
    announce(f"pulling {address}", options.progress, quiet=options.quiet)
    done = pulling(address, str(out), digest=wanted[1] if wanted else None, overwrite=force)
    found = PulledBundle(address=str(done.address), bundle=out, digest=done.manifest.digest)
    return options.result(found, document=documents.pulled, text=text.pulled)
