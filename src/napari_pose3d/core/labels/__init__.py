"""Labels: what a person decided about a keypoint in one view and frame."""
