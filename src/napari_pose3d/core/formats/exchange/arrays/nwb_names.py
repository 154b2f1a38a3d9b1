"""What our NWB files call things."""

CONTAINER = "PoseEstimation"
UNITS = {"um": "micrometers", "µm": "micrometers", "mm": "millimeters", "cm": "centimeters",
         "m": "meters"}  # fmt: skip
"""What archives accept as names of units, by ours."""
NO_UNIT = "n.a."
"""NWB wants a unit, and archives accept this one for none."""
NO_UNITS = (NO_UNIT, "unknown")
"""Also what earlier versions wrote."""
MEASURED, FILLED, MISSING = 0, 1, 2
STATES = ("measured", "filled in", "missing")
"""Of ``control``, by number."""
COVARIANCE = "covariance"
PAIRS = {"xx": (0, 0), "yy": (1, 1), "zz": (2, 2), "xy": (0, 1), "xz": (0, 2), "yz": (1, 2)}
"""Columns of a covariance: its rows and columns."""
