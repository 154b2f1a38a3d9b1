"""Many sessions at once: on this machine in processes, or on a Dask cluster."""
