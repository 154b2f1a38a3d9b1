"""The window: steps, traces, how long it does not answer, closing."""
