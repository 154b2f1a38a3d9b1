"""What is wrong with a rig: found in its numbers alone, and by holding data against it."""
