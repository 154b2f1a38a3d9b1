"""What a training is made of, and what would go wrong with it."""
