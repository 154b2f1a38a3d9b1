"""The events of a review, and what is done about them."""
