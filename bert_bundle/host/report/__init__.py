"""Results as text for people and as documents for programs: pure functions.

reports, rows       the view model: what every format shows
numbers, wording    numbers and sentences as text
formats             the registry of report formats: json, junit, markdown
documents, text     what every command prints, with --json and without

Layer 9 of the host.
"""
