"""How many examples Hypothesis draws inside an environment, and which; knows no property and no strategy.

Of its options only those that the oldest release in the matrix has. `$BERT_BUNDLE_PROFILE` chooses:

dev      a handful, other ones each time
ci       a handful, the same each time; what fails is printed so that it can be run again
nightly  `$BERT_BUNDLE_EXAMPLES` of them (200), other ones each time; what fails is kept in the user's cache, and is
         what the next night begins with
"""

import os

from hypothesis import HealthCheck, settings
from hypothesis.database import DirectoryBasedExampleDatabase

NAME = os.environ.get("BERT_BUNDLE_PROFILE", "ci")
NIGHTLY = int(os.environ.get("BERT_BUNDLE_EXAMPLES", "200"))
EXAMPLES = {"dev": 5, "ci": 5, "nightly": NIGHTLY}[NAME]  # classifiers built, saved and loaded

# A specification is a hundred choices, and what is slow is TensorFlow, not drawing it.
_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]


def use():
    """Makes the chosen profile the one in force."""
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
    """Settings with a share of the profile's examples, one at the least."""
    return settings(max_examples=max(1, int(EXAMPLES * share)), **more)


def _cache():
    """A folder beside the environments, where nobody commits it."""
    root = os.environ.get("BERT_BUNDLE_CACHE")
    if not root:
        root = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "bert_bundle")
    return os.path.join(root, "hypothesis")
