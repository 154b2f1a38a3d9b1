"""One module per format on disk: reading and writing, and nothing else."""
