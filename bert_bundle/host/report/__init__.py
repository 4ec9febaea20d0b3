"""Verdicts as text for people and documents for programs: pure functions to str."""
