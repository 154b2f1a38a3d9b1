"""Labeling in the camera views: what the mouse and the keys do, and what is drawn."""
