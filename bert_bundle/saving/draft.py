"""The draft of a bundle: a live model captured, checked and turned into files, all in memory.

Touches no file and changes none of its arguments.
"""

from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional, Tuple

from bert_bundle import tokenizer as tokenizers
from bert_bundle.capturing import capture
from bert_bundle.encoders import configuration
from bert_bundle.errors import BundleError, SignatureError, TokenizerError
from bert_bundle.format import golden as goldens
from bert_bundle.format import layout, strict_json, tensors
from bert_bundle.format.files import sha256
from bert_bundle.format.golden import Golden
from bert_bundle.format.layout import encoder_path
from bert_bundle.format.manifest import File, Manifest
from bert_bundle.graph import graph_json, signature, tables
from bert_bundle.graph.custom_classes import Classes
from bert_bundle.interpreter.installed import writer_facts
from bert_bundle.keras_models import runtime as keras_runtime
from bert_bundle.loading.parts import Parts, of_captured
from bert_bundle.saving import feeding, input_roles, padding, save_steps, text_lengths
from bert_bundle.saving.examples import PROBES
from bert_bundle.saving.examples import read as read_examples
from bert_bundle.saving.golden_recording import CapturedModel, record_golden
from bert_bundle.saving.label_names import LabelNames, Labels
from bert_bundle.saving.meaning import output_facts, proof_facts, with_meaning
from bert_bundle.saving.own_pipeline.own_figures import hold_own_figures
from bert_bundle.saving.save_steps import SaveSteps
from bert_bundle.saving.tasks import Asked


@dataclass(frozen=True)
class Draft:
    """A bundle in memory, complete but for what its proof may change.

    files   path -> bytes of every file but the last two: golden/facts.json and the manifest
    fields  the manifest's fields, without `files` and `proof`
    golden  what the proof is compared with
    proof   the fields of the manifest's `proof` that do not depend on it
    """

    files: Mapping[str, bytes]
    fields: Mapping[str, Any]
    golden: Golden
    proof: Mapping[str, Any]

    def last_files(
        self, golden: Golden, staged: Mapping[str, File], *, proven: bool
    ) -> Tuple[Manifest, Dict[str, bytes]]:
        """Return the manifest over the `staged` files and the facts of `golden`, and the bytes of both, in order."""
        facts = goldens.facts_to_bytes(golden)
        files = {**staged, layout.GOLDEN_FACTS: File(len(facts), sha256(facts))}
        manifest = Manifest(files=files, proof={"proven": proven, **self.proof}, **self.fields)
        return manifest, {layout.GOLDEN_FACTS: facts, layout.MANIFEST: manifest.to_bytes()}


def draft(
    model: Any,
    tokenizer: Any,
    labels: Labels,
    examples: Optional[Mapping[str, Any]],
    max_length: text_lengths.Asked,
    metadata: Mapping[str, object],
    classes: Classes,
    task: Asked = None,
    *,
    inputs: input_roles.Asked = None,
    asked_padding: Optional[str] = None,
    steps: SaveSteps,
) -> Draft:
    """Return the draft of `model`; its layers of `classes` are kept by name instead of being traced.

    The other arguments as of `api.save`; `asked_padding` is its `padding`. The steps "capture" and "golden examples"
    are told to `steps`.

    Raises ModelError, TokenizerError or SignatureError for what does not fit.
    """
    steps.begin(save_steps.CAPTURE)
    _check_plain(metadata, "metadata")
    _check_plain(list(dict(examples or {}).get("text", [])), "examples[text]")
    runtime = keras_runtime.bind_for(model, classes)
    fixed = None if asked_padding == tokenizers.LONGEST else text_lengths.single(max_length)
    captured = capture.capture(model, runtime, fixed)
    by_itself = runtime.encoders.family_of(model) is not None
    slots = input_roles.slots(captured.graph, inputs, feeding.arrays_in_a_list(model) if by_itself else 0)
    parts = of_captured(captured, runtime)
    configs = parts.configs
    tokenizer_files = _tokenizer_files(tokenizer, configs)
    lengths = text_lengths.lengths(max_length, slots, tokenizer, captured.graph, configs)
    varying = tokenizers.varies_by_environment(tokenizer, PROBES)
    probes = [probe for i, probe in enumerate(PROBES) if i not in varying]
    columns = read_examples(examples, slots, probes, tables.strings(captured.graph))
    shape_files = _shape_files(parts)
    whole, names = CapturedModel(model, runtime, parts, slots), LabelNames.read(labels)
    said = text_lengths.said(max_length, lengths)
    recipes = padding.recipes(whole, tokenizer, lengths, columns, asked_padding, said)
    steps.then(save_steps.CAPTURE, save_steps.GOLDEN)
    golden = record_golden(whole, recipes, tokenizer, columns, names.all, shape_files)
    tokens = frozenset(array.shape[-1] for array in golden.token_ids.values())
    golden = with_meaning(golden, model, captured, task, names, columns.answers, tokens)
    longest = min(map(configuration.longest, configs.values()))
    held = hold_own_figures(columns.own, whole, recipes, tokenizer, golden, longest)
    fields: Dict[str, Any] = {
        "writer": writer_facts(),
        "runtime": runtime.name,
        "signature": signature.to_json(slots, golden.predictions, parts.graph, output_facts(golden, names)),
        "labels": names.common,
        "tokenizer": {**tokenizers.facts(tokenizer_files, tokenizer), **recipes.to_json()},
        "encoders": {n: configuration.facts(config) for n, config in configs.items()},
        "custom_objects": tuple(sorted({layer.class_name for _, layer in parts.graph.walk() if layer.custom})),
        "metadata": dict(metadata),
    }
    proof = proof_facts(golden, held)
    files = {**shape_files, **tokenizer_files, **_weight_files(parts), **goldens.to_files(golden)}
    del files[layout.GOLDEN_FACTS]
    steps.end(save_steps.GOLDEN)
    return Draft(files, fields, golden, proof)


def _check_plain(value: object, place: str) -> None:
    """Raise SignatureError for what canonical JSON cannot hold or would not read back: NaN, objects, surrogates."""
    try:
        strict_json.parse(strict_json.canonical(value), place)
    except (TypeError, ValueError, BundleError) as error:
        raise SignatureError("not plain data", place=place, wanted="JSON", found=error) from None


def _tokenizer_files(tokenizer: Any, configs: Mapping[str, Mapping[str, Any]]) -> Dict[str, bytes]:
    if tokenizer is None:
        raise TokenizerError(
            "no tokenizer was given", place="tokenizer", fix="pass the tokenizer that belongs to the encoder"
        )
    files = tokenizers.to_files(tokenizer)
    size = tokenizers.vocabulary_size(tokenizer)
    for name, config in configs.items():
        if size > config.get("vocab_size", size):
            raise TokenizerError(
                "the tokenizer's vocabulary is larger than the encoder's",
                place=encoder_path(name, layout.ENCODER_CONFIG) + "#/vocab_size",
                wanted="at least {}".format(size),
                found=config["vocab_size"],
                fix="pass the encoder's own tokenizer, or call resize_token_embeddings({})".format(size),
            )
    return files


def _shape_files(parts: Parts) -> Dict[str, bytes]:
    files = {layout.GRAPH: graph_json.to_bytes(parts.graph)}
    for name, config in parts.configs.items():
        files[encoder_path(name, layout.ENCODER_CONFIG)] = strict_json.canonical(config)
    return files


def _weight_files(parts: Parts) -> Dict[str, bytes]:
    files = {layout.WEIGHTS: tensors.to_bytes(parts.weights, {"format": "bert_bundle"})}
    for name, arrays in parts.encoders.items():
        # AutoModel.from_pretrained asks for the framework whose layout the tensors have.
        files[encoder_path(name, layout.ENCODER_WEIGHTS)] = tensors.to_bytes(arrays, {"format": "pt"})
    return files
