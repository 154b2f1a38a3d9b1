"""napari and the panels in a window, and a user with mouse and keys."""
