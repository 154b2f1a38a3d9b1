"""Calibrated cameras: reading and writing rigs, projection, triangulation."""
