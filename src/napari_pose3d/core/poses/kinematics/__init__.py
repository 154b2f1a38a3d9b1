"""What follows from positions over time: speeds, angles, lengths."""
