"""Calibrations of other programs: reading and writing."""
