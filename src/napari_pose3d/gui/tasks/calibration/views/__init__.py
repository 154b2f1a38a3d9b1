"""What calibration draws in the camera views, and what is pointed at there."""
