"""Formats of motion capture: markers that move."""
