"""Bundles over HTTP: push, pull and addresses in place of paths, against a server that speaks as the Hub does.

Every command runs in a process of its own, because huggingface_hub reads its environment once.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support.hub_server import TOKEN, Hub, serving
from support.paths import ROOT

from bert_bundle.api import inspect
from bert_bundle.format import layout
from bert_bundle.format.files import listing

CLASSIC, SIAMESE = ROOT / "tests" / "compat" / "classic-tf2.4", ROOT / "tests" / "compat" / "siamese-tf2.21"
DIGEST = inspect(CLASSIC).digest
RETRIES = pytest.mark.environments  # huggingface_hub tries again for half a minute


@dataclass
class Machine:
    """A machine with a folder, a cache of its own, and a Hub."""

    hub: Hub
    folder: Path
    settings: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str | Path, code: int = 0, **settings: str) -> dict[str, Any]:
        """Return the document of a command that ends with `code`; of a failure the error."""
        done = self.python("-m", "bert_bundle", *map(str, arguments), "--json", **settings)
        assert done.returncode == code, done.stdout + done.stderr
        document: dict[str, Any] = json.loads(done.stdout)
        return document if code in (0, 1) else document["error"]

    def python(self, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
        environment = {
            **os.environ,
            "HF_ENDPOINT": self.hub.url,
            "HF_TOKEN": TOKEN,
            "HF_HOME": str(self.folder / "home"),
            "HF_HUB_DISABLE_XET": "1",
            "PYTHONPATH": str(ROOT),
            **self.settings,
            **settings,
        }
        return subprocess.run(
            [sys.executable, *arguments],
            env=environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def left(self) -> set[str]:
        """Return what is in the folder beside the cache."""
        return set(os.listdir(self.folder)) - {"home"}


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serving() as running:
        yield running


@pytest.fixture
def machine(hub: Hub, tmp_path: Path) -> Machine:
    return Machine(hub, tmp_path)


@pytest.fixture
def pushed(hub: Hub) -> str:
    """Return the address of the classic bundle on the Hub, by commit."""
    repository = hub.repository("me/router")
    return "hf://me/router@" + repository.commit("main", {".gitattributes": b"", **content(CLASSIC)})


def content(bundle: Path) -> dict[str, bytes]:
    return {path: (bundle / path).read_bytes() for path in listing(str(bundle)) if path != layout.CARD}


def test_a_bundle_that_was_pushed_and_pulled_is_the_same(machine: Machine) -> None:
    pushed = machine.run("push", CLASSIC, "hf://me/router")["address"]
    found = machine.run("pull", "hf://me/router", "-o", "out")
    assert found == {"address": pushed, "bundle": "out", "digest": DIGEST}
    assert content(machine.folder / "out") == content(CLASSIC)
    assert machine.left() == {"out"}
    assert sorted(os.listdir(machine.folder / "out")) == sorted(os.listdir(CLASSIC))
    machine.run("pull", pushed, "-o", "again", "--digest", "sha256:" + DIGEST)
    assert content(machine.folder / "again") == content(CLASSIC)


def test_the_card_on_the_hub_loads_from_the_hub(machine: Machine, hub: Hub) -> None:
    bundle = Path(shutil.copytree(CLASSIC, machine.folder / "router"))
    machine.run("card", bundle, "--update")
    machine.run("push", bundle, "hf://me/router@candidate", "--private")
    repository = hub.repositories["me/router"]
    assert repository.private
    card = repository.commits[repository.branches["candidate"]][layout.CARD].decode("utf-8")
    assert "bundle = bert_bundle.load('hf://me/router@candidate')" in card
    assert "bundle = bert_bundle.load('router')" in (bundle / layout.CARD).read_text("utf-8")


def test_a_card_that_its_owner_wrote_is_pushed_as_it_is(machine: Machine, hub: Hub) -> None:
    bundle = Path(shutil.copytree(CLASSIC, machine.folder / "router"))
    (bundle / layout.CARD).write_text("---\nlicense: mit\n---\n# Mine\n")
    machine.run("push", bundle, "hf://me/router")
    repository = hub.repositories["me/router"]
    assert repository.commits[repository.branches["main"]][layout.CARD] == b"---\nlicense: mit\n---\n# Mine\n"


def test_commands_and_functions_take_an_address_for_a_bundle(machine: Machine, pushed: str) -> None:
    assert machine.run("inspect", "hf://me/router")["digest"] == DIGEST
    assert machine.run("diff", pushed, CLASSIC)["same"] is True
    assert machine.run("diff", SIAMESE, "hf://me/router@main", code=1)["same"] is False
    done = machine.python("-c", "import bert_bundle; print(bert_bundle.inspect('hf://me/router').digest)")
    assert done.stdout == DIGEST + "\n"
    document = machine.run("gate", "hf://me/router", "--require", "none.json", code=2)
    assert document["place"] == "none.json"  # the bundle was there


def test_a_bundle_in_a_folder_of_a_repository_travels(machine: Machine, hub: Hub) -> None:
    hub.repository("me/models", {"README.md": b"# Models\n", "tools/train.py": b""})
    machine.run("push", CLASSIC, "hf://me/models/routers/classic")
    machine.run("push", SIAMESE, "hf://me/models/routers/siamese")
    files = hub.repositories["me/models"].commits[hub.repositories["me/models"].branches["main"]]
    assert {"README.md", "tools/train.py", "routers/classic/bundle.json", "routers/siamese/bundle.json"} < set(files)
    assert machine.run("inspect", "hf://me/models@main/routers/classic")["digest"] == DIGEST
    machine.run("pull", "hf://me/models/routers/siamese", "-o", "out")
    assert content(machine.folder / "out") == content(SIAMESE)


def test_a_push_replaces_an_earlier_bundle_and_the_earlier_commit_still_has_it(machine: Machine, pushed: str) -> None:
    found = machine.run("push", SIAMESE, "hf://me/router")
    gone = set(content(CLASSIC)) - set(content(SIAMESE))
    assert gone
    assert set(found["removed"]) == gone
    machine.run("pull", "hf://me/router", "-o", "new")
    machine.run("pull", pushed, "-o", "old", "--digest", DIGEST)
    assert (content(machine.folder / "new"), content(machine.folder / "old")) == (content(SIAMESE), content(CLASSIC))


def test_the_same_push_twice_makes_one_commit(machine: Machine, hub: Hub) -> None:
    pushed = machine.run("push", CLASSIC, "hf://me/router")["address"]
    assert machine.run("push", CLASSIC, "hf://me/router")["address"] == pushed
    assert len(hub.repositories["me/router"].commits) == 2  # the first has .gitattributes alone


def test_only_files_of_the_bundle_are_downloaded(machine: Machine, hub: Hub) -> None:
    hub.repository("me/router", {**content(CLASSIC), "LICENSE": b"", "runs/tfevents.1": b"", "model.safetensors": b"x"})
    machine.run("pull", "hf://me/router", "-o", "out")
    assert set(hub.downloads()) == {path for path in content(CLASSIC) if not path.endswith(".safetensors")}
    assert len([line for line in hub.seen if line.startswith("GET /storage/")]) == 3  # its safetensors
    assert machine.run("inspect", "hf://me/router")["digest"] == DIGEST


def test_a_bundle_of_another_digest_costs_one_small_file_and_leaves_nothing(machine: Machine, pushed: str) -> None:
    error = machine.run("pull", "hf://me/router", "-o", "out", "--digest", "0" * 64, code=5)
    assert (error["class"], error["message"]) == ("IntegrityError", "the bundle is not the one that was wanted")
    assert (error["place"], error["wanted"], error["found"]) == (
        "hf://me/router",
        "digest " + "0" * 64,
        "digest " + DIGEST,
    )
    assert machine.hub.downloads() == [layout.MANIFEST]
    assert machine.left() == set()
    error = machine.run("pull", "hf://me/router", "-o", "out", "--digest", "abc", code=2)
    assert error["message"] == "invalid value for --digest: 64 hexadecimal digits are wanted"


@pytest.mark.parametrize("path", ["weights.safetensors", "graph.json", "tokenizer/vocab.txt"])
def test_a_file_that_the_hub_changed_is_refused_and_the_target_is_as_before(
    machine: Machine, pushed: str, path: str
) -> None:
    shutil.copytree(SIAMESE, machine.folder / "old")
    machine.hub.tampered = lambda name, data: data[:-1] + bytes([data[-1] ^ 1]) if name == path else data
    error = machine.run("pull", "hf://me/router", "-o", "old", "--force", code=5)
    assert (error["class"], error["message"]) == ("IntegrityError", "the Hub gave a file that is not what was saved")
    assert error["place"] == f"{path} of {pushed}"
    assert error["fix"].startswith("remove ")
    assert "models--me--router from the cache and pull again" in error["fix"]
    assert content(machine.folder / "old") == content(SIAMESE)
    assert machine.left() == {"old"}
    assert machine.run("inspect", "hf://me/router", code=5)["class"] == "IntegrityError"
    machine.hub.tampered = None
    shutil.rmtree(machine.folder / "home")  # what the error said
    machine.run("pull", "hf://me/router", "-o", "old", "--force")
    assert content(machine.folder / "old") == content(CLASSIC)


def test_a_manifest_that_the_hub_changed_is_refused(machine: Machine, pushed: str) -> None:
    machine.hub.tampered = lambda name, data: data.replace(b"class 0", b"class 9") if name == layout.MANIFEST else data
    error = machine.run("pull", "hf://me/router", "-o", "out", code=5)
    assert (error["class"], error["place"]) == ("IntegrityError", layout.MANIFEST)
    assert machine.left() == set()


def test_a_target_that_exists_is_refused_before_anything_is_asked(machine: Machine, pushed: str) -> None:
    shutil.copytree(SIAMESE, machine.folder / "out")
    machine.hub.seen.clear()
    error = machine.run("pull", "hf://me/router", "-o", "out", code=5)
    assert (error["class"], error["message"]) == ("ConflictError", "the target exists")
    assert machine.hub.downloads() == []
    assert content(machine.folder / "out") == content(SIAMESE)


@pytest.mark.parametrize(
    ("address", "settings", "code", "name", "message"),
    [
        ("hf://me/none", {}, 3, "HubError", "there is no such repository, or this token may not see it"),
        ("hf://me/router", {"HF_TOKEN": "hf_other"}, 3, "HubError", "there is no such repository, or this token may"),
        ("hf://me/router@v9", {}, 3, "HubError", "the repository does not have this revision"),
        ("hf://me/router/models", {}, 5, "FormatError", "not a bundle: the repository has no bundle.json there"),
        ("hf://me/empty", {}, 5, "FormatError", "not a bundle: the repository has no bundle.json there"),
        ("hf://me/router", {"HF_HUB_OFFLINE": "1"}, 3, "HubError", "the Hub cannot be reached, and the cache of this"),
        pytest.param(
            "hf://me/router",
            {"HF_ENDPOINT": "http://127.0.0.1:9"},
            3,
            "HubError",
            "the Hub cannot be reached, and the",
            marks=RETRIES,
        ),
        ("hf://router", {}, 2, "ConfigError", "not an address of a bundle on the Hub"),
    ],
)
def test_what_is_not_there_is_named(
    machine: Machine, pushed: str, address: str, settings: dict[str, str], code: int, name: str, message: str
) -> None:
    machine.hub.repository("me/empty")
    machine.hub.repositories["me/router"].private = True
    machine.settings.update(settings)
    error = machine.run("pull", address, "-o", "out", code=code)
    assert (error["class"], error["place"]) == (name, address)
    assert error["message"].startswith(message)
    assert error["fix"] or error["wanted"]
    assert machine.left() == set()


@RETRIES
def test_a_server_that_fails_is_named(machine: Machine, pushed: str) -> None:
    machine.hub.status = 500
    error = machine.run("pull", "hf://me/router", "-o", "out", code=3)
    assert (error["class"], error["message"]) == ("HubError", "the Hub answered with an error")
    assert "500" in error["found"]


def test_what_was_downloaded_once_needs_no_network(machine: Machine, pushed: str) -> None:
    machine.run("inspect", "hf://me/router")
    assert machine.run("inspect", "hf://me/router", HF_HUB_OFFLINE="1")["digest"] == DIGEST
    assert machine.run("inspect", pushed, HF_ENDPOINT="http://127.0.0.1:9")["digest"] == DIGEST


def test_a_failed_download_is_in_the_report_of_the_command(machine: Machine) -> None:
    (machine.folder / "a.json").write_text("of an earlier run")
    machine.run("audit", "hf://me/none", "--report", "json=a.json", code=3)
    assert json.loads((machine.folder / "a.json").read_text())["error"]["class"] == "HubError"


@pytest.mark.parametrize("settings", [{"HF_TOKEN": "hf_other"}, {"HF_TOKEN": ""}])
def test_a_push_without_permission_is_refused(machine: Machine, settings: dict[str, str]) -> None:
    machine.settings.update(settings)
    error = machine.run("push", CLASSIC, "hf://me/router", code=3)
    assert (error["class"], error["message"]) == ("HubError", "the Hub does not permit this")
    assert "HF_TOKEN" in error["fix"]
    assert machine.hub.repositories == {}


def test_a_damaged_bundle_is_not_pushed(machine: Machine) -> None:
    bundle = Path(shutil.copytree(CLASSIC, machine.folder / "router"))
    (bundle / "graph.json").write_bytes(b"{}")
    assert machine.run("push", bundle, "hf://me/router", code=5)["class"] == "IntegrityError"
    assert machine.hub.repositories == {}


def test_a_repository_that_holds_something_else_is_not_changed(machine: Machine) -> None:
    repository = machine.hub.repository("me/router", {"README.md": b"# Mine\n", "tf_model.h5": b"x"})
    error = machine.run("push", CLASSIC, "hf://me/router", code=5)
    assert (error["class"], error["found"]) == ("ConflictError", "tf_model.h5")
    assert error["message"] == "the repository holds a file that is not of a bundle"
    assert len(repository.commits) == 1


def test_a_push_that_another_one_overtook_is_refused(machine: Machine) -> None:
    machine.hub.repository("me/router")
    machine.hub.overtaken = True
    error = machine.run("push", CLASSIC, "hf://me/router", code=5)
    assert (error["class"], error["message"]) == ("ConflictError", "the repository was changed in the meantime")


def test_a_file_that_the_hub_did_not_keep_is_noticed(machine: Machine) -> None:
    machine.hub.drops = frozenset({"tokenizer/vocab.txt"})
    error = machine.run("push", CLASSIC, "hf://me/router", code=5)
    assert (error["class"], error["message"]) == ("IntegrityError", "the Hub does not hold what was pushed")
    assert (error["place"].split(" of ")[0], error["found"]) == ("tokenizer/vocab.txt", "nothing")


def test_a_push_goes_to_a_branch(machine: Machine) -> None:
    error = machine.run("push", CLASSIC, "hf://me/router@" + "0" * 40, code=2)
    assert (error["class"], error["message"]) == ("ConfigError", "a push goes to a branch")


def test_a_card_that_the_hub_refuses_is_named(machine: Machine) -> None:
    bundle = Path(shutil.copytree(CLASSIC, machine.folder / "router"))
    (bundle / layout.CARD).write_text("---\nlicense: nonsense\n---\n# Mine\n")
    error = machine.run("push", bundle, "hf://me/router", code=3)
    assert error["class"] == "HubError"
    assert '"license" must be one of the known ones' in error["found"]


def test_without_the_extra_one_line_says_what_to_install(machine: Machine) -> None:
    hidden = "import sys; sys.modules['huggingface_hub'] = None; "
    command = "from bert_bundle.__main__ import main; sys.exit(main(sys.argv[1:]))"
    for arguments in (["pull", "hf://me/router", "-o", "out"], ["inspect", "hf://me/router"]):
        done = machine.python("-c", hidden + command, *arguments, "-q")
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.splitlines() == [
            "hf:// needs a package that is not installed @ hf://me/router",
            "  wanted: the extra `hub`",
            "  found: no huggingface_hub",
            "  fix: pip install 'bert-bundle[hub]'",
        ]
