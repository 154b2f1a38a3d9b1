"""A rig mended from labels or predictions of the open session."""
