"""The tasks on the right of the window: a panel for each, none of which knows another."""
