"""Recordings and rigs with known truth."""
