"""The front matter of a card: YAML that the Hub reads, from the task, the metadata of `save` and the golden's labels.

Written without a YAML library, which old environments do not have: every text of others is one quoted scalar, and is
left out where the Hub would refuse the whole card because of it.
"""

import re
from typing import Dict, List, Mapping, Sequence

from bert_bundle.format.manifest import Manifest
from bert_bundle.format.tasks import BINARY, CLASSES, MULTILABEL, REGRESSION, SPANS, TOKENS

Fields = Dict[str, List[str]]

_PIPELINES = {
    CLASSES: "text-classification",
    MULTILABEL: "text-classification",
    BINARY: "text-classification",
    REGRESSION: "text-classification",  # as transformers calls a head with one number
    TOKENS: "token-classification",
    SPANS: "question-answering",
}
# Those of https://huggingface.co/docs/hub/repositories-licenses that are of general use; any other is "other" there.
_LICENSES = frozenset(
    """afl-3.0 agpl-3.0 apache-2.0 artistic-2.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear bsl-1.0 cc cc0-1.0
    cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0
    cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cdla-permissive-1.0
    cdla-permissive-2.0 cdla-sharing-1.0 ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 eupl-1.2 gfdl gpl gpl-2.0 gpl-3.0
    isc lgpl lgpl-2.1 lgpl-3.0 lppl-1.3c mit mpl-2.0 ms-pl ncsa odbl odc-by ofl-1.1 openrail osl-3.0 other pddl
    postgresql unknown unlicense wtfpl zlib""".split()
)
_LANGUAGE = re.compile(r"([a-z]{2,3}(-[A-Za-z0-9]{2,8})*|multilingual|code)\Z")
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9_][\w.-]{0,95})?\Z", re.ASCII)
_TAG = re.compile(r"[^\s].{0,99}\Z")
_KEY = re.compile(r"(?P<quote>[\"']?)(?P<key>[\w-]+)(?P=quote)\s*:")


def fields(name: str, manifest: Manifest) -> Fields:
    """Return key -> the lines of YAML that it is written as, in order.

    name  of the bundle
    """
    metadata = manifest.metadata
    found: Fields = {"library_name": ["library_name: bert_bundle"]}
    pipeline = _pipeline(manifest)
    found["pipeline_tag"] = ["pipeline_tag: " + pipeline]
    found.update(_license(metadata))
    for key, pattern in (
        ("language", _LANGUAGE),
        ("base_model", _REPOSITORY),
        ("datasets", _REPOSITORY),
        ("tags", _TAG),
    ):
        texts = _texts(metadata.get(key), pattern)
        if texts:
            found[key] = ["{}: [{}]".format(key, ", ".join(map(quoted, texts)))]
    accuracy = manifest.proof.get("accuracy")
    if type(accuracy) is float and 0 <= accuracy <= 1:
        found["metrics"] = ['metrics: ["accuracy"]']
        found["model-index"] = _results(name, pipeline, accuracy)
    return found


def keys(lines: Sequence[str]) -> List[str]:
    """Return the keys of the outermost mapping that `lines` of YAML write."""
    return [match.group("key") for match in map(_KEY.match, lines) if match]


def quoted(text: str) -> str:
    r"""Return `text` as a double-quoted scalar on one line; what cannot be printed as \x, \u or \U."""
    escaped = "".join(
        "\\" + c if c in '"\\' else c if c.isprintable() else "\\U{:08x}".format(ord(c)) for c in _valid(text)
    )
    return '"{}"'.format(escaped)


def _valid(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")  # YAML has no lone surrogates


def _pipeline(manifest: Manifest) -> str:
    found = {_PIPELINES[task.name] for task in manifest.tasks.values()}
    return found.pop() if len(found) == 1 else _PIPELINES[CLASSES]


def _license(metadata: Mapping[str, object]) -> Fields:
    given = metadata.get("license", metadata.get("licence"))
    if not isinstance(given, str) or not given.strip():
        return {}
    name = given.strip().lower().replace(" ", "-")
    if name in _LICENSES:
        return {"license": ["license: " + quoted(name)]}
    return {"license": ["license: other"], "license_name": ["license_name: " + quoted(given.strip()[:100])]}


def _texts(given: object, pattern: "re.Pattern[str]") -> List[str]:
    """Return the texts of a field of the metadata, one or a list, that have the form which the Hub asks for."""
    listed = given if isinstance(given, (list, tuple)) else [given]
    return [text for text in listed if isinstance(text, str) and pattern.match(text)]


def _results(name: str, pipeline: str, accuracy: float) -> List[str]:
    return [
        "model-index:",
        "- name: " + quoted(name),
        "  results:",
        "  - task:",
        "      type: " + pipeline,
        "    dataset:",
        "      type: bert_bundle",
        "      name: labelled examples recorded in the bundle",
        "    metrics:",
        "    - type: accuracy",
        "      value: {:.6f}".format(accuracy),
    ]
