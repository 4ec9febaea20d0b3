"""What a requirement of exactly one release is, and many with the hashes of their files. Does not know where from."""

from packaging.requirements import InvalidRequirement, Requirement

Pins = dict[str, tuple[str, frozenset[str]]]  # canonical name -> version, hashes as options: --hash=sha256:...


def check_pinned(text: str) -> str:
    """Return `text` if it is a requirement of exactly one release, such as `tf-keras==2.15.1`.

    Raises ValueError otherwise.
    """
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        raise ValueError("not a requirement") from error
    releases = [s.version for s in requirement.specifier if s.operator == "==" and not s.version.endswith(".*")]
    if len(requirement.specifier) != 1 or len(releases) != 1:
        raise ValueError("not pinned to one release")
    if requirement.url or requirement.marker:
        raise ValueError("a URL or an environment marker, which would hide what is installed")
    return text
