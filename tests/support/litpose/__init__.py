"""Lightning Pose: the real one, stand-ins, networks small enough for a test."""
