"""Formats of other programs, read and written: poses and labels in memory, and files."""
