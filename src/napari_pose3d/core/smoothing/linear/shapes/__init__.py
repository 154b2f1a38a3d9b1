"""Points of one view that lie on a shape together: its centre and sizes are smoothed."""
