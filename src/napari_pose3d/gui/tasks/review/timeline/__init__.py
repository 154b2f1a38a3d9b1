"""All frames of a session at a glance."""
