"""What people decide in a review, kept with the project: corrections and decisions."""
