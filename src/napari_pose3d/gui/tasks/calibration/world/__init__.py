"""Where the world of a rig begins, and the rig in space."""
