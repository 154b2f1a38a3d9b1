"""Smoothing and triangulation: how exact, how fast, how much memory; and the tables they read."""
