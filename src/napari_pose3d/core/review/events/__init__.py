"""What goes wrong in a session: quantities over their bars, and stretches in which they are."""
