"""Calibration: rigs from board videos, checked, converted and refined."""
