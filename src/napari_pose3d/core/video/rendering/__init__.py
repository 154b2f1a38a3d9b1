"""Poses drawn over images and in space, and the video file that they go to."""
