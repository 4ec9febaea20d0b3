"""An audit of upgrades is the run that it was made from, with the upgrades."""

from dataclasses import fields

from support import made_up_results

from bert_bundle.host.runs.run import Run
from bert_bundle.host.upgrades.audit import upgrades_of, with_upgrades


def test_an_audit_of_upgrades_has_every_field_of_its_run() -> None:
    audited = made_up_results.upgraded()
    (upgrade,) = upgrades_of(audited)
    run = made_up_results.audit()
    again = with_upgrades(run, [upgrade])
    assert {f.name: getattr(again, f.name) for f in fields(Run)} == {f.name: getattr(run, f.name) for f in fields(Run)}
    assert tuple(upgrades_of(again)) == (upgrade,)


def test_a_run_without_upgrades_has_none() -> None:
    assert tuple(upgrades_of(made_up_results.audit())) == ()
