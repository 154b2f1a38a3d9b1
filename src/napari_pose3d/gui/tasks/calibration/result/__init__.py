"""What a calibration is worth, on one page, and what to do about it."""
