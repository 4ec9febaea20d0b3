"""Put the matrix file and the locks into the wheel, for whoever has no matrix file of their own.

An editable install does not need them: bert_bundle/host/config/matrix_location.py finds those of the checkout.
"""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SHIPPED = "bert_bundle/host/config/shipped"


class ShippedMatrix(BuildHookInterface):
    """The build hook of the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the files to a wheel that is built to be installed; `version` is "standard" or "editable"."""
        if version == "standard":
            for name in ("compat_matrix.yaml", "locks"):
                build_data["force_include"][name] = f"{SHIPPED}/{name}"
