"""Results on disk: their places and names, the record of a run, and reading them back."""
