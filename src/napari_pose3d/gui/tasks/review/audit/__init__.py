"""Faults in the labels of the project, to be looked at, corrected or dismissed."""
