"""The worker's end of the pipe, tested line by line."""

import inspect
import json
import subprocess
import sys
from typing import Any

import pytest
from support.entries import FAULTY, entry

from bert_bundle.host.workers.worker import WORKER_ENTRY, Entry
from bert_bundle.interpreter import launch
from bert_bundle.worker import tasks
from bert_bundle.worker.loop import TASKS


def converse(*requests: Any, by: Entry = FAULTY) -> list[dict[str, Any]]:
    """Return the answers of a worker to these requests; check that it ends without an error."""
    lines = b"".join((r if isinstance(r, bytes) else json.dumps(r).encode()) + b"\n" for r in requests)
    answered = subprocess.run(
        launch.command(sys.executable, *by),
        input=lines,
        capture_output=True,
        check=True,
        timeout=60,
        env=launch.environment(),
    )
    assert answered.stdout.isascii()
    return [json.loads(line) for line in answered.stdout.splitlines()]


def request(number: int, do: str, **arguments: Any) -> dict[str, Any]:
    return {"id": number, "do": do, "arguments": arguments}


def test_requests_are_answered_in_order_by_their_number() -> None:
    answers = converse(request(7, "echo"), request(5, "echo"))
    assert answers == [{"id": 7, "done": {}}, {"id": 5, "done": {}}]


def test_progress_comes_before_the_answer() -> None:
    answers = converse(request(1, "echo", a=1, b=2))
    assert answers == [
        {"id": 1, "progress": "argument a"},
        {"id": 1, "progress": "argument b"},
        {"id": 1, "done": {"a": 1, "b": 2}},
    ]


@pytest.mark.parametrize("text", ["é", "日本語", "🎉", "a\u0301", "\u2028\n\r\x00\x1b", "\ud800"])
def test_any_text_survives_both_ways(text: str) -> None:
    assert converse(request(1, "echo", text=text))[-1]["done"] == {"text": text}


def test_nan_and_infinity_survive_both_ways() -> None:
    done = converse(request(1, "echo", values=[float("inf"), float("-inf"), float("nan")]))[-1]["done"]
    assert repr(done["values"]) == "[inf, -inf, nan]"


def test_every_digit_of_a_float64_survives_both_ways() -> None:
    values = [0.1, 1 / 3, 5e-324, 1.7976931348623157e308, -0.0]
    assert repr(converse(request(1, "echo", values=values))[-1]["done"]["values"]) == repr(values)


def test_prints_do_not_reach_the_pipe() -> None:
    answers = converse(request(1, "prints", lines=200), request(2, "echo"))
    assert answers == [{"id": 1, "done": {"read": "", "descriptor": ""}}, {"id": 2, "done": {}}]


def test_an_error_of_bert_bundle_is_answered_part_by_part() -> None:
    (answer,) = converse(request(1, "refuses"))
    assert answer["error"] == {
        "class": "FormatError",
        "message": "a planted refusal",
        "place": "graph.json#/é",
        "wanted": "good",
        "found": "bad\\x1b[31m",
        "fix": "save again",
    }


def test_an_unexpected_exception_is_a_crash_with_its_place_and_the_worker_keeps_running() -> None:
    crash, echo = converse(request(1, "raises"), request(2, "echo"))
    assert crash["error"]["class"] == "Crash"
    assert crash["error"]["message"] == "KeyError: 'a planted bug'"
    assert "worker_faults.py" in crash["error"]["place"].split(" < ")[0]
    assert crash["error"]["place"].split(" < ")[0].endswith(" in raises")
    assert crash["error"]["trace"].startswith("Traceback")
    assert echo == {"id": 2, "done": {}}


def test_sys_exit_is_a_crash_and_the_worker_keeps_running() -> None:
    crash, echo = converse(request(1, "raises", leaving=True), request(2, "echo"))
    assert crash["error"]["message"] == "SystemExit: an exit"
    assert echo == {"id": 2, "done": {}}


@pytest.mark.parametrize("name", ["os:system", "bert_bundle.worker:main", "", "fault", None])
def test_a_name_that_is_not_a_task_is_refused(name: Any) -> None:
    (answer,) = converse({"id": 1, "do": name, "arguments": {}})
    assert answer["error"]["class"] == "ConfigError"
    assert answer["error"]["message"] == "no such task"


def test_the_worker_of_the_package_has_the_tasks_of_its_table_and_no_fault() -> None:
    (answer,) = converse(request(1, "echo"), by=WORKER_ENTRY)
    assert answer["error"]["wanted"] == ", ".join(sorted(TASKS))
    public = {name for name, value in vars(tasks).items() if inspect.isfunction(value) and name[0] != "_"}
    defined = {name for name in public if getattr(tasks, name).__module__ == tasks.__name__}
    assert dict(TASKS) == {name: f"{tasks.__name__}:{name}" for name in defined}


def test_a_task_that_is_replaced_has_the_name_of_the_product_and_its_arguments() -> None:
    replaced = entry({"load": "worker_faults:echo"}, {"load": {"more": 1}})
    assert converse(request(1, "load", bundle="b"), by=replaced)[-1]["done"] == {"more": 1, "bundle": "b"}


@pytest.mark.parametrize("line", [b"junk", b"[]", b"{}", b"\xff", b'{"id": 1}', b'{"id": 1, "do": "replay"}'])
def test_a_line_that_is_not_a_request_is_answered_and_the_worker_keeps_running(line: bytes) -> None:
    crash, echo = converse(line, request(2, "echo"))
    assert crash["error"]["class"] == "Crash"
    assert echo == {"id": 2, "done": {}}


def test_an_answer_that_is_not_plain_data_is_a_crash() -> None:
    (answer,) = converse(request(1, "unserializable"))
    assert answer["error"]["message"] == "TypeError: Object of type set is not JSON serializable"


def test_prints_go_to_standard_error() -> None:
    lines = json.dumps(request(1, "prints")).encode() + b"\n"
    answered = subprocess.run(
        launch.command(sys.executable, *FAULTY),
        input=lines,
        capture_output=True,
        check=True,
        env=launch.environment(),
    )
    for said in (b"a print", b"a write to descriptor 1", b"a child", b"an error"):
        assert said in answered.stderr
