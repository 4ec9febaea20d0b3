"""The long-lived process inside an environment, and its tasks."""
