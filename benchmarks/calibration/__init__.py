"""Cameras from boards, and cameras that moved."""
