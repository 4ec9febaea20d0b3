"""How many examples Hypothesis draws inside an environment, and which. Does not know: properties, strategies.

Uses only options that the oldest Hypothesis in the matrix has. `$BERT_BUNDLE_PROFILE` chooses:

dev      a handful, different each time
ci       a handful, the same each time; a failure is printed with the line that runs it again
nightly  `$BERT_BUNDLE_EXAMPLES` of them (200), different each time; failures are kept in the user's cache and run first
         the next night
"""

import os

from hypothesis import HealthCheck, settings
from hypothesis.database import DirectoryBasedExampleDatabase

NAME = os.environ.get("BERT_BUNDLE_PROFILE", "ci")
NIGHTLY = int(os.environ.get("BERT_BUNDLE_EXAMPLES", "200"))
EXAMPLES = {"dev": 5, "ci": 5, "nightly": NIGHTLY}[NAME]  # classifiers built, saved and loaded

# Drawing one takes a hundred choices, and TensorFlow is slow.
_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]


def use():
    """Register and load the chosen profile."""
    kept = {"nightly": DirectoryBasedExampleDatabase(_cache())}
    settings.register_profile(
        NAME,
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=NAME == "ci",
        print_blob=True,
        database=kept.get(NAME),
        suppress_health_check=_SLOW,
    )
    settings.load_profile(NAME)


def of(share, **more):
    """Return settings with that share of the profile's examples, at least one."""
    return settings(max_examples=max(1, int(EXAMPLES * share)), **more)


def _cache():
    """Return a folder beside the cached environments, outside the repository."""
    root = os.environ.get("BERT_BUNDLE_CACHE")
    if not root:
        root = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "bert_bundle")
    return os.path.join(root, "hypothesis")
