"""Predictions beside something else: labels, another prediction set, the poses of labels."""
