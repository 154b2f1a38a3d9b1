"""What follows from the positions of a session: measurements, poses in the frame of the body."""
