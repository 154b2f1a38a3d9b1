"""What can be measured of predictions, of single cells and of poses, and beside labels."""
