"""A board moved in front of cameras: corners alone, or videos of it in the arena."""
