"""Positions that a person corrects in the camera views while events are looked at."""
