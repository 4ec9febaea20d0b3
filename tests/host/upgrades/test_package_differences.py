"""The packages that differ between two environments: in units, what each needs, and why."""

from packaging.requirements import Requirement

from bert_bundle.host.environments.nearest import this_interpreter
from bert_bundle.host.upgrades.package_differences import (
    Need,
    Package,
    PackageChange,
    Side,
    Unit,
    changes,
    needs,
    side,
    units,
)
from bert_bundle.interpreter.known_breakages import PYTHON


def packages(python: str = "3.12", **held: tuple[str, ...]) -> Side:
    """Return an environment of made-up packages: each its version, then its requirements."""
    read = {
        name.replace("_", "-"): Package(version=version, requires=tuple(map(Requirement, required)))
        for name, (version, *required) in held.items()
    }
    return {PYTHON: Package(version=python), **read}


def found(good: Side, bad: Side, wheels: tuple[Need, ...] = ()) -> dict[str, Unit]:
    made = units(changes(good, bad), needs(good, bad, wheels))
    assert [u for i, u in enumerate(made) if u.needs - {earlier.name for earlier in made[:i]}] == []
    return {unit.name: unit for unit in made}


def test_a_package_that_is_new_or_gone_is_a_change_and_one_that_stays_is_none() -> None:
    assert changes(packages(a=("1",), b=("1",), c=("1",)), packages(a=("1",), b=("2",), d=("1",))) == (
        PackageChange(package="b", before="1", after="2"),
        PackageChange(package="c", before="1", after=None),
        PackageChange(package="d", before=None, after="1"),
    )


def test_what_nothing_is_said_of_can_be_upgraded_by_itself() -> None:
    made = found(packages(a=("1",), b=("1", "a>=1")), packages(a=("2",), b=("2", "a>=1")))
    assert [(unit.name, unit.needs, unit.together) for unit in made.values()] == [
        ("a", frozenset(), ()),
        ("b", frozenset(), ()),
    ]


def test_an_upgrade_needs_what_its_new_requirements_ask_for_and_that_goes_first() -> None:
    made = found(packages(a=("1",), b=("1",), c=("1",)), packages(a=("2", "b>=2"), b=("2", "c>1"), c=("2",)))
    assert {name: unit.needs for name, unit in made.items()} == {
        "c": frozenset(),
        "b": frozenset({"c"}),
        "a": frozenset({"b", "c"}),
    }


def test_an_upgrade_that_breaks_an_old_requirement_needs_the_upgrade_of_who_has_it() -> None:
    made = found(packages(numpy=("1.2",), tf=("1", "numpy<2")), packages(numpy=("1.9",), tf=("2",)))
    assert made["numpy"].needs == frozenset()
    made = found(packages(lib=("1",), tf=("1", "lib<2")), packages(lib=("2",), tf=("2",)))
    assert made["lib"].needs == {"tf"}


def test_packages_that_need_each_other_are_one_unit_which_says_why() -> None:
    good = packages(tf=("2.18", "board<2.19"), board=("2.18",), keras=("2.18", "tf<2.19"))
    bad = packages(tf=("2.19", "board>=2.19"), board=("2.19",), keras=("2.19", "tf>=2.19"))
    differing, because = changes(good, bad), needs(good, bad)
    (unit,) = units(differing, because, first=["tf", "keras"])
    assert (unit.name, unit.changes, unit.needs) == ("tf", differing, frozenset())
    assert sorted(need.why for need in unit.together) == [
        "keras 2.18 requires tf<2.19",
        "keras 2.19 requires tf>=2.19",
        "tf 2.18 requires board<2.19",
        "tf 2.19 requires board>=2.19",
    ]


def test_a_requirement_that_either_side_breaks_by_itself_says_nothing() -> None:
    made = found(packages(a=("1", "b>9"), b=("1",)), packages(a=("2", "b>9"), b=("2",)))
    assert {unit.needs for unit in made.values()} == {frozenset()}


def test_a_requirement_whose_condition_does_not_hold_says_nothing() -> None:
    good = packages(a=("1",), b=("1",))
    said = {'b>=2; python_version < "3.8"', 'b>=2; extra == "more"'}
    for requirement in said:
        assert found(good, packages(a=("2", requirement), b=("2",)))["a"].needs == frozenset()
    assert found(good, packages(a=("2", 'b>=2; python_version >= "3.8"'), b=("2",)))["a"].needs == {"b"}


def test_a_requirement_of_tensorflow_is_one_of_its_cpu_build_and_the_two_builds_are_one_unit() -> None:
    good = packages(tensorflow_cpu=("2.18",), tf_keras=("2.18", "tensorflow<2.19"))
    made = found(good, packages(tensorflow_cpu=("2.19",), tf_keras=("2.19",)))
    assert made["tensorflow-cpu"].needs == {"tf-keras"}
    (unit,) = found(packages(tensorflow_cpu=("2.18",)), packages(tensorflow=("2.18",))).values()
    assert {c.package for c in unit.changes} == {"tensorflow", "tensorflow-cpu"}
    assert "install different files under the same names" in unit.together[0].why


def test_numpy_2_needs_what_was_built_for_numpy_1() -> None:
    made = found(packages(numpy=("1.26",), h5py=("3.10",)), packages(numpy=("2.0",), h5py=("3.11",)))
    assert made["numpy"].needs == {"h5py"}
    made = found(packages(numpy=("2.0",), h5py=("3.11",)), packages(numpy=("1.26",), h5py=("3.10",)))
    assert made["h5py"].needs == {"numpy"}


def test_another_python_is_an_upgrade_with_what_is_not_for_both() -> None:
    good, bad = packages(a=("1",), b=("1",)), packages("3.13", a=("2",), b=("2",))
    newer = {**bad, "a": Package(version="2", requires_python=">=3.13")}
    assert found(good, newer)["a"].needs == {PYTHON}
    missing = Need(package=PYTHON, other="b", why="b 1 has no wheel for Python 3.13")
    assert found(good, newer, (missing,))[PYTHON].needs == {"b"}
    older = {**good, "b": Package(version="1", requires_python="<3.13")}
    assert found(older, bad)[PYTHON].needs == {"b"}
    assert found(good, {**bad, "a": Package(version="2", requires_python=">=3.12.4")})["a"].needs == frozenset()


def test_an_environment_is_read_from_the_files_in_it() -> None:
    held = side(this_interpreter())
    assert held["numpy"].compiled
    assert not held["packaging"].compiled
    assert any(requirement.name == "pluggy" for requirement in held["pytest"].requires)
    assert {name: package.version for name, package in held.items() if name in ("numpy", "pytest")} == {
        name: this_interpreter().packages[name] for name in ("numpy", "pytest")
    }
    assert held[PYTHON].version == ".".join(this_interpreter().python_version.split(".")[:2])
