"""Observations that are certain: what a person corrected, and the track updated around it."""
