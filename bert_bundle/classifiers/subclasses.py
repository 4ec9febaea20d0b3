"""User-defined model classes for classifiers that are built from a specification: they have a `call` and no graph.

Does not know the head: it is a functional model.
"""

from typing import Any, Callable, List, Mapping, Type

from bert_bundle.classifiers.encoder_calls import PRETRAINED
from bert_bundle.classifiers.model_builder import ModelBuilder

Pooled = Callable[[Any, Mapping[str, Any]], Any]  # (what is called, tensors by role) -> (n, features)


def model(
    builder: ModelBuilder,
    caller: str,
    live: Any,
    callee: Any,
    pooled: Pooled,
    head: Any,
    roles: Mapping[str, str],
    features: List[str],
) -> Any:
    """Return a model of the caller's kind that is not yet called.

    roles     role -> name of the input
    features  names of the inputs that the functional model `head` takes after the state
    """

    def call(own: Any, inputs: Mapping[str, Any]) -> Any:
        state = pooled(own.bert, {role: inputs[name] for role, name in roles.items()})
        return own.top([state, *(inputs[name] for name in features)])

    if caller == PRETRAINED and not builder.native:

        class Pretrained(_pretrained_class(live)):  # type: ignore[misc]
            """A user-defined model class of transformers around a main layer."""

            def __init__(self, config: Any) -> None:
                super().__init__(config, name="classifier")
                self.bert, self.top = callee, head

            def call(self, inputs: Any, training: Any = None) -> Any:
                return call(self, inputs)

        return Pretrained(live.config)

    class Classifier(builder.keras.Model):  # type: ignore[misc,name-defined]
        """A user-defined subclass of Keras' own model class."""

        def __init__(self) -> None:
            super().__init__(name="classifier")
            self.bert, self.top = callee, head

        def call(self, inputs: Any, training: Any = None) -> Any:
            return call(self, inputs)

    return Classifier()


def _pretrained_class(live: Any) -> Type[Any]:
    """Return the class of transformers that all model classes of the encoder's family derive from."""
    named = [cls for cls in type(live).__mro__ if cls.__name__.endswith("PreTrainedModel")]
    return named[0]
