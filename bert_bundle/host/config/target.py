"""What a Python release on this machine is to markers and wheels. Does not run that Python."""

from collections.abc import Iterator

from packaging import tags
from packaging.markers import Environment, default_environment

_LATEST_PATCH = "99"  # only the minor release is known: markers about older patches, as of backports, do not hold


def marker_environment(python: str) -> Environment:
    """Return the values of markers in CPython `python`, such as "3.11", on this machine."""
    full = f"{python}.{_LATEST_PATCH}"
    return {
        **default_environment(),
        "implementation_name": "cpython",
        "implementation_version": full,
        "platform_python_implementation": "CPython",
        "python_full_version": full,
        "python_version": python,
    }


def wheel_tags(python: str) -> Iterator[tags.Tag]:
    """Yield the tags of the wheels that can be installed in CPython `python` on this machine, the best first."""
    major, minor = map(int, python.split("."))
    yield from tags.cpython_tags((major, minor))
    yield from tags.compatible_tags((major, minor), f"cp{major}{minor}")
