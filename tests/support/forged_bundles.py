"""Bundles changed the way a forger would, whose manifest fits again; and a folder where permissions are enforced."""

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from bert_bundle.format import layout, strict_json, tensors
from bert_bundle.format.files import listing, sha256
from bert_bundle.format.manifest import File, Manifest
from bert_bundle.progress import silent
from bert_bundle.tokenizer.description import Description
from support.fake_bundles import fake_generate

Change = Callable[[Any], Any]
Forge = Callable[[Path], Any]  # of a bundle on disk, signed again

TOKENIZER = "tokenizer/tokenizer_config.json"

_NOBODY = 65534


def small(target: Path) -> Path:
    """Return a new bundle of three golden files and nothing else, alone in its folder."""
    target.parent.mkdir(parents=True)
    fake_generate(progress=silent, specification={}, target=str(target))
    return target


@contextmanager
def unprivileged() -> Iterator[Path]:
    """Yield a folder of this process, which is not root in the meantime: root may read and write everything."""
    was = os.geteuid()
    with tempfile.TemporaryDirectory() as folder:
        if was == 0:
            os.chown(folder, _NOBODY, _NOBODY)
            os.seteuid(_NOBODY)
        try:
            yield Path(folder)
        finally:
            os.seteuid(was)


def put(*path: Any) -> Change:
    """Return a change of JSON data: sets the last of `path` at the place that the others name."""
    *places, last, value = path

    def change(document: Any) -> None:
        for place in places:
            document = document[place]
        document[last] = value

    return change


def drop(*path: Any) -> Change:
    """Return a change of JSON data: removes what is at `path`."""
    *places, last = path

    def change(document: Any) -> None:
        for place in places:
            document = document[place]
        del document[last]

    return change


def resign(bundle: Path, **fields: Any) -> None:
    """Write a manifest that lists every file as it is now; `fields` replace others of its fields."""
    manifest = Manifest.parse((bundle / layout.MANIFEST).read_bytes())
    data = {path: (bundle / path).read_bytes() for path in listing(str(bundle)) if path != layout.MANIFEST}
    files = {path: File(len(content), sha256(content)) for path, content in data.items()}
    made = Manifest(**{**vars(manifest), "files": files, **fields})
    (bundle / layout.MANIFEST).write_bytes(made.to_bytes())


def rewrite(bundle: Path, path: str, data: bytes) -> None:
    """Replace the bytes of one file."""
    (bundle / path).write_bytes(data)
    resign(bundle)


def edit(bundle: Path, path: str, change: Change) -> None:
    """Change one JSON file in place."""
    document = json.loads((bundle / path).read_bytes())
    change(document)
    rewrite(bundle, path, strict_json.canonical(document))


def retensor(bundle: Path, path: str, change: Callable[[dict[str, np.ndarray]], Any]) -> None:
    """Change the arrays of one safetensors file in place, by name; each may be written to."""
    arrays = {name: array.copy() for name, array in tensors.from_bytes((bundle / path).read_bytes(), path).items()}
    change(arrays)
    rewrite(bundle, path, tensors.to_bytes(arrays, {"format": "pt"}))


def weights(path: str, change: Callable[[dict[str, Any]], Any]) -> Forge:
    """Return a change of a file's arrays, of a bundle that is not there yet."""
    return lambda bundle: retensor(bundle, path, change)


def each(name: str, function: Callable[[Any], Any]) -> Callable[[dict[str, Any]], Any]:
    """Return a change of one tensor."""
    return lambda arrays: arrays.update({name: function(arrays[name])})


def vocabulary_swapped(bundle: Path, *, everywhere: bool = True) -> None:
    """Two entries of vocab.txt, and of tokenizer.json, or of the first alone."""
    vocabulary = (bundle / "tokenizer/vocab.txt").read_text(encoding="utf-8").splitlines()
    first, second = vocabulary.index("invoice"), vocabulary.index("crash")
    vocabulary[first], vocabulary[second] = vocabulary[second], vocabulary[first]
    (bundle / "tokenizer/vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    relayout(bundle) if everywhere else resign(bundle)


def lower_casing_lost(bundle: Path, *, everywhere: bool = True) -> None:
    """In tokenizer_config.json, and in tokenizer.json, or in the first alone."""
    edit(bundle, TOKENIZER, put("do_lower_case", False))
    relayout(bundle) if everywhere else resign(bundle)


def relayout(bundle: Path) -> None:
    """tokenizer.json made again from vocab.txt and the configuration, as a forger who knows the format would."""
    files = {f"tokenizer/{path.name}": path.read_bytes() for path in (bundle / "tokenizer").iterdir()}
    for name, data in Description.parse(files).to_files().items():
        (bundle / name).write_bytes(data)
    resign(bundle)
