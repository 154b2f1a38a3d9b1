"""What our NWB files call things."""

CONTAINER = "PoseEstimation"
NO_UNIT = "unknown"
"""NWB wants a unit."""
MEASURED, FILLED, MISSING = 0, 1, 2
STATES = ("measured", "filled in", "missing")
"""Of ``control``, by number."""
COVARIANCE = "covariance"
PAIRS = {"xx": (0, 0), "yy": (1, 1), "zz": (2, 2), "xy": (0, 1), "xz": (0, 2), "yz": (1, 2)}
"""Columns of a covariance: its rows and columns."""
