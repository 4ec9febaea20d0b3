"""The functions that an encoder module has: what `transformers` and `native` do alike, each for its own Keras.

An encoder is a live layer: a TensorFlow class of transformers 4, or `native.Encoder`. Live Keras objects have no types.
"""

from typing import Any, Dict, FrozenSet, Mapping, Optional, Protocol

import numpy as np

from bert_bundle.encoders.families import Family


class EncoderModule(Protocol):
    """The contract of an encoder module. Weights have PyTorch names and layouts; `place` is named in errors."""

    def family_of(self, layer: Any) -> Optional[Family]:
        """Return the family of an encoder, and None for any other layer.

        Raises ModelError for a model class of transformers that belongs to no family.
        """

    def arguments(
        self, family: Family, encoder: Any, args: Any, kwargs: Mapping[str, Any], place: str
    ) -> Dict[str, Any]:
        """Return a recorded call's arguments by name, whether they were passed by position, as a list or as a dict.

        Raises ModelError for an argument that a rebuilt encoder would ignore.
        """

    def output_name(self, family: Family, encoder: Any, kwargs: Mapping[str, Any], name: str) -> str:
        """Return the name of an output of a call, whether the call returned a dict or a tuple."""

    def config(self, encoder: Any, place: str) -> Dict[str, Any]:
        """Return the canonical config.json of an encoder."""

    def build(self, family: Family, config: Mapping[str, Any], name: str, outputs: FrozenSet[str] = frozenset()) -> Any:
        """Return a new encoder with initial weights, in the precision that is set.

        `outputs` are the names of the outputs that calls will use.
        """

    def call(self, encoder: Any, kwargs: Mapping[str, Any], outputs: FrozenSet[str]) -> Mapping[str, Any]:
        """Call an encoder and return its outputs by name, including those in `outputs`."""

    def pick(self, outputs: Mapping[str, Any], name: str) -> Any:
        """Return one output of a call: `last_hidden_state`, or `hidden_states.3` for that of one layer."""

    def tensors(self, encoder: Any) -> Dict[str, np.ndarray]:
        """Return every weight of an encoder."""

    def assign(self, encoder: Any, weights: Mapping[str, np.ndarray], keras: Any, place: str) -> None:
        """Set every weight of an encoder. Raises FormatError for one that is missing or has another shape."""

    def flags(self, encoder: Any) -> Dict[str, bool]:
        """Return path -> trainable of the parts whose flag differs from that of the part that holds them."""

    def set_flags(self, encoder: Any, trainable: bool, wanted: Mapping[str, bool], place: str) -> None:
        """Set the flags of an encoder so that `flags` returns `wanted`.

        Raises FormatError for a part that the encoder does not have.
        """
