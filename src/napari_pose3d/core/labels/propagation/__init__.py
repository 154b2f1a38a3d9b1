"""Labels carried on to the next frames: points tracked in every view and joined in space."""
