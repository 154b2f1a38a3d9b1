"""Which frames of a session are wrong, why, and which of them are worth labeling."""
