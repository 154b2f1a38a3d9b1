"""The configuration looked at for what contradicts itself, the labels or the calibration."""
