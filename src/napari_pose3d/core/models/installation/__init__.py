"""Where ``litpose`` is installed, what its environment holds, and how to install it."""
