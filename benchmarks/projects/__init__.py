"""Projects and many sessions: opening them, the first run, batches."""
