"""Labels: their geometry, saving, frames to label, proposals of a network."""
