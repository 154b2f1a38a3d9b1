"""The widget "Calibration": check, convert, make and place the rig of a session."""
