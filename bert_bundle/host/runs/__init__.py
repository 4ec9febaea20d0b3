"""Cells, outcomes, verdicts, and the runs that produce them."""
