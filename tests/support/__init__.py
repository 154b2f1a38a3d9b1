"""What several tests use: scenes with known truth, small projects, windows."""
