"""The plan of the window, and what holds it: tasks right, images in the middle, time below."""
