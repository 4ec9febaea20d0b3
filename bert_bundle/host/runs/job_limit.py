"""How many jobs run at a time. Imports little: every command reads it."""

import os

from bert_bundle.errors import ConfigError

DEFAULT_JOBS = min(2, os.cpu_count() or 1)  # a worker takes one core and a few GB


def check_jobs(jobs: int) -> None:
    """Raise ConfigError for less than one job."""
    if jobs < 1:
        raise ConfigError("--jobs must be at least 1", place="--jobs", wanted="1 or more", found=jobs)
