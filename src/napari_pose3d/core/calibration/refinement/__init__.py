"""Rigs mended, or made, from points that several views see: labels or predictions."""
