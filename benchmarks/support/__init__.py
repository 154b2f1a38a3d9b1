"""What benchmarks share: tables, processes, recordings, and environments of other programs."""
