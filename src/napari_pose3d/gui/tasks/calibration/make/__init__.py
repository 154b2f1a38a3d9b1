"""Making a rig from videos of a board: the choices, and the search for the board."""
