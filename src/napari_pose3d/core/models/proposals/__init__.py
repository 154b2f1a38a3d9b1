"""Keypoints by an exported network, without torch: of a frame while labeling, or of a session."""
