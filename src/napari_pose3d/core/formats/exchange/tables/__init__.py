"""Tables: a line for each frame, or for each keypoint of a frame."""
