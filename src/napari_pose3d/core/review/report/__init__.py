"""A review as one page to look at."""
