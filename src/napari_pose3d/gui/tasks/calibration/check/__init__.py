"""A rig looked at: what its file is, what is wrong with it, and files of other programs."""
