"""Calibration boards: what they look like, where their corners are seen, how to print them."""
