"""The checks catch faults planted in bundles and in a reader, and raise no alarm for unchanged bundles.

Every fault of planted_faults.py gets its grade and names its place. `python tests/test_planted_faults.py` plants all of
them and prints fault, where it was planted, grade and place; with `--write` the tables of the documents are written.
"""

import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import reader_faults
from support.bundle_files import read_golden
from support.entries import FAULTY_REPLAY
from support.environments import WRITER, environment
from support.planted_faults import FAULTS, IN_BUNDLES, IN_READERS, SPECIFICATIONS, Fault

from bert_bundle.classifiers import strategies
from bert_bundle.grading import grades
from bert_bundle.grading.grades import Figures
from bert_bundle.host.environments.environment import ReadyEnvironment
from bert_bundle.host.workers.worker import Worker

pytestmark = pytest.mark.environments  # a hundred live replays: two minutes

NAMED = re.compile(r"(\S+)(?: (?:is|are) not what was saved|: token ids of |: \S+ of the scale in single precision)")
DRAWN = strategies.draw(13, seed=5)[1:]


@pytest.fixture(scope="module")
def writer(made: Callable[[str], ReadyEnvironment]) -> Iterator[Worker]:
    """Yield a worker that can replay with a fault as well."""
    with Worker(made(WRITER), "writer", entry=FAULTY_REPLAY) as worker:
        yield worker


@pytest.fixture(scope="module")
def honest(writer: Worker, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the bundle of a name, written once. Copy it before changing anything."""
    return bundles(writer, tmp_path_factory.mktemp("honest"))


def bundles(writer: Worker, folder: Path) -> Callable[[str], Path]:
    def bundle(name: str) -> Path:
        path = folder / name
        if not path.exists():
            writer.ask("generate", specification=SPECIFICATIONS[name], target=str(path))
        return path

    return bundle


def judged(fault: Fault, bundle: Path, reader: Worker, folder: Path) -> Figures:
    """Plant `fault` in a copy of the bundle or in the reader; return the figures of the replay."""
    if fault.forge is None:
        return grades.judge(read_golden(str(bundle)), reader.ask("faulty_replay", bundle=str(bundle), fault=fault.what))
    changed = Path(shutil.copytree(bundle, folder / "changed"))
    fault.forge(changed)
    return grades.judge(read_golden(str(changed)), reader.ask("replay", bundle=str(changed)))


def place(figures: Figures) -> str:
    """Return the file, input or output that a verdict's reason names, if any, and its first layer, if any."""
    named = NAMED.match(figures.reason)
    return ", ".join(part for part in (named and named[1], figures.first_layer) if part)


@pytest.mark.parametrize("name", SPECIFICATIONS)
def test_an_honest_bundle_is_bitwise_to_its_own_reader(
    honest: Callable[[str], Path], writer: Worker, name: str
) -> None:
    path = str(honest(name))
    assert grades.judge(read_golden(path), writer.ask("replay", bundle=path)).grade == "bitwise"


@pytest.mark.parametrize("fault", IN_BUNDLES, ids=lambda fault: f"{fault.what}, {fault.where}")
def test_a_fault_in_a_bundle_has_its_grade_and_its_place(
    honest: Callable[[str], Path], writer: Worker, tmp_path: Path, fault: Fault
) -> None:
    figures = judged(fault, honest(fault.bundle), writer, tmp_path)
    assert (figures.grade in fault.grades, place(figures)) == (True, fault.place), figures


@pytest.mark.parametrize("fault", IN_READERS, ids=lambda fault: fault.what)
def test_a_fault_in_a_reader_has_its_grade_and_its_place(
    honest: Callable[[str], Path], writer: Worker, tmp_path: Path, fault: Fault
) -> None:
    figures = judged(fault, honest(fault.bundle), writer, tmp_path)
    assert (figures.grade in fault.grades, place(figures)) == (True, fault.place), figures


def test_a_reader_is_honest_again_after_a_fault_in_each_of_its_parts(
    honest: Callable[[str], Path], writer: Worker, tmp_path: Path
) -> None:
    for fault in {fault.where: fault for fault in IN_READERS}.values():
        assert judged(fault, honest(fault.bundle), writer, tmp_path).grade in fault.grades
    for path in map(str, map(honest, SPECIFICATIONS)):
        assert grades.judge(read_golden(path), writer.ask("replay", bundle=path)).grade == "bitwise"


def test_the_table_has_every_fault_of_a_reader_once_and_forty_in_all() -> None:
    assert sorted(fault.what for fault in IN_READERS) == sorted(reader_faults.FAULTS)
    assert len({(fault.what, fault.where) for fault in FAULTS}) == len(FAULTS) >= 40
    assert not {grade for fault in FAULTS for grade in fault.grades} & set(grades.SAME)


@pytest.mark.parametrize("specification", DRAWN, ids=lambda specification: str(specification["name"]))
def test_a_drawn_classifier_raises_no_false_alarm(
    writer: Worker, tmp_path: Path, specification: strategies.Spec
) -> None:
    path = str(tmp_path / "bundle")
    writer.ask("generate", specification=specification, target=path)
    figures = grades.judge(read_golden(path), writer.ask("replay", bundle=path))
    assert (figures.grade, figures.first_layer) == ("bitwise", None), figures


def main(write: bool) -> int:
    """Plant every fault and print the table; return 1 if one is not caught."""
    caught = 0
    with tempfile.TemporaryDirectory() as folder, Worker(environment(WRITER), "writer", entry=FAULTY_REPLAY) as writer:
        honest = bundles(writer, Path(folder))
        print("fault | planted in | grade | place")
        for number, fault in enumerate(FAULTS):
            apart = Path(folder) / str(number)
            apart.mkdir()
            figures = judged(fault, honest(fault.bundle), writer, apart)
            right = figures.grade in fault.grades and place(figures) == fault.place
            caught += right
            wanted = "" if right else f" | NOT CAUGHT: wanted {' or '.join(fault.grades)} | {fault.place}"
            print(f"{fault.what} | {fault.where} | {figures.grade} | {place(figures)}{wanted}", flush=True)
    print(f"{caught} of {len(FAULTS)} caught")
    if caught == len(FAULTS) and write:
        import test_docs

        test_docs.write()
    return int(caught < len(FAULTS))


if __name__ == "__main__":
    if sys.argv[1:] not in ([], ["--write"]):
        sys.exit("usage: python tests/test_planted_faults.py [--write]")
    sys.exit(main(write=bool(sys.argv[1:])))
