"""Sets of packages: their name, whether they can load a bundle, and the environment that is nearest to one."""

from pathlib import Path

import pytest
from support.paths import ROOT

from bert_bundle.errors import ConfigError
from bert_bundle.host.config.matrix_file import FILE_NAME, Environment, read_matrix
from bert_bundle.host.environments.environment import ReadyEnvironment
from bert_bundle.host.environments.nearest import can_load, environment_id_of, nearest, this_interpreter, with_versions

ENVIRONMENTS = read_matrix(ROOT / FILE_NAME).environments
KERAS_3 = {"keras": "3.15.1", "tokenizers": "0.23.3"}


@pytest.mark.parametrize(
    ("packages", "python", "name"),
    [
        ({"tensorflow": "2.15.1", "keras": "2.15.0", "transformers": "4.40.2"}, "3.11.7", "tf2.15.1-hf4.40.2-py3.11"),
        ({"tensorflow": "2.21.0", **KERAS_3, "transformers": "5.23.0"}, "3.13.0", "tf2.21.0-hf5.23.0-py3.13"),
        ({"jax": "0.12.0.1", **KERAS_3, "transformers": "5.23.0"}, "3.13.0", "jax0.12.0.1-hf5.23.0-py3.13"),
        ({"tensorflow-cpu": "2.21.0", **KERAS_3}, "3.13.0", "keras3.15.1-tf2.21.0-py3.13"),
        ({"jax": "0.12.0.1", **KERAS_3}, "3.13.0", "keras3.15.1-jax0.12.0.1-py3.13"),
        ({"torch": "2.13.0", **KERAS_3}, "3.13.0", "keras3.15.1-torch2.13.0-py3.13"),
        ({}, "3.13.0", "py3.13"),
    ],
)
def test_an_id_names_the_backend_and_transformers_or_keras(packages: dict[str, str], python: str, name: str) -> None:
    assert environment_id_of(packages, python) == name


@pytest.mark.parametrize(
    ("packages", "name"),
    [
        ({"tensorflow-cpu": "2.10.1", "transformers": "4.25.1"}, "tf2.10-hf4.25-py3.9"),
        ({"tensorflow": "2.10.0", "transformers": "4.30.0"}, "tf2.10-hf4.25-py3.9"),
        ({"tensorflow-cpu": "2.3.0", "transformers": "4.1.0"}, "tf2.4-hf4.5-py3.8"),
        ({"tensorflow-cpu": "2.22.0", "transformers": "4.57.6"}, "tf2.21-hf4.57-py3.13"),
        ({"tensorflow-cpu": "2.21.0", "transformers": "5.30.0", **KERAS_3}, "tf2.21-hf5.23-py3.13"),
        ({"tensorflow-cpu": "2.21.0", **KERAS_3}, "keras3.15-tf2.21-py3.13"),
        ({"jax": "0.9.0", **KERAS_3}, "keras3.15-jax0.12-py3.13"),
        ({"torch": "2.13.0", **KERAS_3}, "keras3.15-tf2.21-py3.13"),
        ({"torch": "2.13.0", "transformers": "4.57.6", **KERAS_3}, "tf2.21-hf4.57-py3.13"),
    ],
)
def test_the_nearest_environment_has_the_backend_then_its_release_then_that_of_transformers(
    packages: dict[str, str], name: str
) -> None:
    assert nearest(ENVIRONMENTS, packages).id == name


def test_an_upgrade_takes_the_place_of_the_backend_by_whichever_name_it_had() -> None:
    writer = {"tensorflow": "2.15.1", "transformers": "4.40.2"}
    assert with_versions(writer, {"tensorflow-cpu": "2.21.0"}) == {"tensorflow-cpu": "2.21.0", "transformers": "4.40.2"}
    assert with_versions(writer, {"transformers": "4.57.6"}) == {"tensorflow": "2.15.1", "transformers": "4.57.6"}


def row(*packages: str) -> Environment:
    return Environment.model_validate({**ENVIRONMENTS[0].model_dump(), "packages": packages})


def test_of_two_environments_as_near_the_newer_is_taken() -> None:
    older, newer = row("tensorflow-cpu==2.8.4"), row("tensorflow-cpu==2.10.1")
    assert nearest([older, newer], {"tensorflow": "2.9.3"}) is newer


def test_an_environment_without_a_backend_is_nearest_to_nothing() -> None:
    with pytest.raises(ConfigError, match="no environment has a backend"):
        nearest([row("keras==3.15.1")], {"tensorflow": "2.15.1"})


@pytest.mark.parametrize(
    ("packages", "loads"),
    [
        ({"tensorflow-cpu": "2.10.1", "transformers": "4.25.1"}, True),
        ({"tensorflow-cpu": "2.10.1"}, False),
        ({"transformers": "4.25.1"}, False),
        ({"tensorflow-cpu": "2.21.0", "transformers": "5.0.0rc1", "tokenizers": "0.23.3"}, False),
        ({"tensorflow-cpu": "2.21.0", "transformers": "5.23.0", **KERAS_3}, True),
        ({"tensorflow-cpu": "2.21.0", **KERAS_3}, True),
        ({"jax": "0.12.0.1", **KERAS_3}, True),
        (KERAS_3, False),
        ({"jax": "0.12.0.1", "keras": "3.15.1"}, False),
        ({"jax": "0.12.0.1", "keras": "2.15.0", "tokenizers": "0.23.3"}, False),
    ],
)
def test_an_environment_loads_with_tensorflow_classes_or_with_keras_3(packages: dict[str, str], loads: bool) -> None:
    made = ReadyEnvironment(
        id="made", python=Path("python"), lock_digest="", packages=packages, python_version="3.13.0"
    )
    assert can_load(made) == loads


def test_the_host_loads_nothing() -> None:
    assert not can_load(this_interpreter())
