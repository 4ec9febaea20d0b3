"""The command that writes the card of a bundle anew."""

from __future__ import annotations

from pathlib import Path

import click

from bert_bundle.errors import ConfigError
from bert_bundle.format import layout
from bert_bundle.host.commands.command_result import CommandResult
from bert_bundle.host.commands.options import Options, common


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--update", is_flag=True, help="Write it to README.md of BUNDLE. Without this it is only printed.")
@click.option(
    "--audit",
    "audit_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Also show the audit in this file, which `bert-bundle audit --report json=FILE` wrote.",
)
@common
def card(options: Options, bundle: Path, update: bool, audit_file: Path | None) -> CommandResult:
    """Write the card of a bundle anew.

    The card is README.md: front matter for the Hub, a call that runs, inputs and outputs, the proof, and the last
    audit. What stands between its marks is written anew from BUNDLE; all other text in it, and every key that its owner
    added to the front matter, stays. The card is not part of what is signed: the digest of BUNDLE does not change.

    \b
    Examples:
      bert-bundle card ticket-router --update
      bert-bundle audit ticket-router --report json=audit.json
      bert-bundle card ticket-router --update --audit audit.json
    """
    from bert_bundle.format.open_bundle import check_files, open_bundle
    from bert_bundle.format.staging import write_file
    from bert_bundle.host.commands.travel.card_text import rewritten
    from bert_bundle.host.report import card_audit
    from bert_bundle.host.report.documents import bundles as documents
    from bert_bundle.host.report.results import WrittenCard
    from bert_bundle.host.report.text import travel as text

    audit = None if audit_file is None else card_audit.lines(audit_file, bundle)
    opened = open_bundle(str(bundle))
    check_files(opened)
    target = bundle / layout.CARD
    if update and target.is_symlink():
        raise ConfigError(
            "the card is a link into the cache of huggingface_hub",
            place=target,
            fix="`bert-bundle pull` the bundle into a folder of its own, and update the card there",
        )
    written = rewritten(opened, bundle.absolute().name, audit)
    if update:
        write_file(str(target), written)
    found = WrittenCard(bundle=bundle, digest=opened.manifest.digest, card=written.decode("utf-8"), written=update)
    return options.result(found, document=documents.card, text=text.card)
