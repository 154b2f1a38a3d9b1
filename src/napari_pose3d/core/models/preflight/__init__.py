"""What would go wrong in a training, found in a second and not after an hour."""
