"""The signature of a manifest as types: what `save` records of a model's inputs and outputs.

The types describe what is written. A load checks that a manifest is what they describe.
"""

from typing import List, Literal, Optional, TypedDict

Role = Literal["input_ids", "attention_mask", "token_type_ids", "feature"]


class _NamedArray(TypedDict):
    name: str
    dtype: str
    shape: List[Optional[int]]


class SignatureInput(_NamedArray, total=False):
    """One input of the model; its shape is without the batch axis, and an axis of any size is None.

    text   the text that the input is made from; not there for a feature
    given  true if the role was given to `save`
    """

    role: Role
    text: str
    given: bool


class SignatureOutput(_NamedArray, total=False):
    """One output of the model, shaped as an input is.

    task, scores, labels  what its numbers mean, where that is not what an output without these fields means
    """

    task: Literal["classes", "multilabel", "binary", "tokens", "spans", "regression"]
    scores: Literal["probabilities", "logits", "values"]
    labels: List[str]


class SignatureForm(TypedDict):
    """Whether the model takes and returns a tensor by itself, a list of them, or a mapping by name."""

    inputs: Literal["single", "list", "dict"]
    outputs: Literal["single", "list", "dict"]


class Signature(TypedDict, total=False):
    """The inputs and outputs of a model, in order, and the form that it takes and returns them in."""

    inputs: List[SignatureInput]
    outputs: List[SignatureOutput]
    form: SignatureForm
