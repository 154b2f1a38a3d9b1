"""Two prediction sets, or one before and after smoothing, side by side."""
