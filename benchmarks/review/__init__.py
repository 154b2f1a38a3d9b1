"""The review of predictions and labels: what it finds of what was planted."""
