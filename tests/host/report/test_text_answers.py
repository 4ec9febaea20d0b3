"""What a terminal shows of a gate, a bisection and an upgrade: the result, and what it is based on."""

import dataclasses
import re
from pathlib import Path

from support.made_up_results import (
    FAILED,
    NOT_ASKED,
    NOT_RUN,
    PASSED,
    audit,
    bisection,
    gated,
    made,
    run,
    upgraded,
    verdict,
)
from test_text import HOSTILE, PLAIN, SHOWN, audit_text

from bert_bundle.host.gate.gate import Gate
from bert_bundle.host.report.reports import GateReport
from bert_bundle.host.report.style import Style
from bert_bundle.host.report.text import bisect
from bert_bundle.host.report.text import gate as gates


def gate_text(found: Gate, path: Path, style: Style) -> str:
    return gates.gate(GateReport(gate=found, decision_file=path), style)


def test_a_gate_shows_each_check_then_the_reasons_then_the_texts_then_the_answer() -> None:
    agreeing = run([verdict("w", "a")], made("a"))
    shown = gate_text(gated(FAILED, PASSED, NOT_RUN, NOT_ASKED, changes=2, found=agreeing), Path("v.json"), PLAIN)
    lines = [line.strip() for line in shown.splitlines()]
    places = [
        lines.index(line)
        for line in (
            "candidate: models/new", "behaviour  failed         broke 3", "load       not run",
            "behaviour: 3 of 8 broke", "card: the policy does not require any field", "written to: v.json", "refused",
        )
    ]  # fmt: skip
    assert places == sorted(places)
    assert "ratio 1.02 (at most 1.1)" in shown
    assert shown.count("my invoice is wrong") == 2


def test_a_gate_says_what_it_decided() -> None:
    agreeing = run([verdict("w", "a")], made("a"))
    answers = [
        gated(*checks, found=found)
        for checks, found in (
            ((PASSED, NOT_ASKED), agreeing), ((FAILED,), agreeing), ((NOT_RUN,), agreeing), ((PASSED,), audit()),
        )
    ]  # fmt: skip
    assert [(found.exit_code, gate_text(found, Path("v"), PLAIN).splitlines()[-1]) for found in answers] == [
        (0, "it ships"), (1, "refused"), (3, "undecided: a check did not run"), (4, "refused"),
    ]  # fmt: skip


def test_a_gate_says_on_the_terminal_why_an_environment_could_not_be_made() -> None:
    shown = " ".join(gate_text(gated(PASSED), Path("v"), PLAIN).split())
    assert "tf2.18-hf4.25-py3.9: no interpreter @ tf2.18-hf4.25-py3.9, wanted: 3.9" in shown


def test_of_many_labels_that_changed_twenty_are_shown_and_the_others_counted() -> None:
    shown = gate_text(gated(FAILED, changes=23), Path("v"), PLAIN)
    assert shown.count("my invoice is wrong") == 20
    assert "and 3 more: v has all of them" in shown


def test_a_hostile_text_in_a_gate_is_shown_as_text() -> None:
    shown = gate_text(gated(FAILED, changes=1, text=HOSTILE), Path(HOSTILE), PLAIN)
    assert "".join(SHOWN.split()) in "".join(shown.split())
    assert "\x1b" not in shown


def test_an_upgrade_says_what_moved_with_it_and_how_it_stands_beside_today() -> None:
    lines = audit_text(upgraded(), PLAIN).splitlines()
    start = lines.index("with-numpy-2.0.2: tf2.18 with numpy==2.0.2")
    assert lines[start + 1 : start + 4] == [
        "  a is taken as b",
        "  changed with it: h5py 3.10 -> 3.11, new none -> 1",
        "  tf2.16: identical; with the upgrade: flip",
    ]


def test_a_bisection_names_the_upgrade_and_why_its_packages_moved_together() -> None:
    shown = bisect.bisection(bisection(), PLAIN)
    assert (
        "the upgrade that changes the predictions:\n  tensorflow-cpu 2.18.1 -> 2.19.1\n  tf-keras 2.18.1 -> 2.19.1\n"
        "  these can only be upgraded together:\n    tf-keras 2.19.1 requires tensorflow<2.20\n"
        "needed by it, and changes nothing on its own: numpy 1 -> 2\n"
    ) in shown
    assert "4 packages differ, in 3 upgrades" in shown
    assert "the first release that changes them: tensorflow-cpu 2.19.0, after 2.18.1" in shown
    assert "  changed with it: tf-keras 2.18.1 -> 2.19.0\n" in shown
    rows = [line.split() for line in shown.splitlines() if re.match(r"\d  ", line)]
    assert rows[0] == ["1", "numpy", "good", "identical", "3.1e-15", "12", "s"]
    assert rows[2][-7:] == ["bad", "drift", "3.5e-08", "1", "encoder", "12", "s"]
    assert "not run  hf-xet, tensorflow-cpu: no wheel" in shown
    assert shown.endswith("5 environments\n")


def test_a_bisection_that_cannot_tell_upgrades_apart_says_so() -> None:
    first, second, _ = bisection().units
    shown = bisect.bisection(bisection(culprits=((first, second),), needed=(), exact=False, release=None), PLAIN)
    assert "these 2 could not be told apart: every mixture with only some of them is unresolved" in shown
    both = bisect.bisection(bisection(culprits=((first,), (second,)), exhausted=True), PLAIN)
    assert "the upgrades that change them together:" in both
    assert "stopped: the most environments that may be tried were tried" in both
    release = bisection().release
    assert release is not None
    lost = dataclasses.replace(release, exact=False)
    shown = bisect.bisection(bisection(release=lost), PLAIN)
    assert "between tensorflow-cpu 2.18.1 and 2.19.0: every release between them is unresolved" in shown


def test_nothing_of_a_bisection_is_read_as_markup_or_moves_the_cursor() -> None:
    steps = (dataclasses.replace(bisection().steps[1], upgraded=(HOSTILE,)),)
    hostile = dataclasses.replace(bisection().good, reader=HOSTILE, reason=HOSTILE)
    shown = bisect.bisection(bisection(good=hostile, steps=steps), Style(width=500))
    assert "\x1b" not in shown
    assert SHOWN in shown


def test_a_bisection_that_was_interrupted_shows_its_steps_and_names_no_upgrade() -> None:
    cut_short = bisection(culprits=(), needed=(), release=None, interrupted=True)
    lines = bisect.bisection(cut_short, Style()).splitlines()
    assert "interrupted after 3 steps: no upgrade is found yet" in lines
    assert lines[-1].startswith("interrupted: ")
    assert cut_short.exit_code == 130
