"""Labeling on the screen: the parts of the widget "Label"."""
