"""The configuration of a training: complete, without overrides, and what its keys mean."""
