"""The widget "Review": what is wrong in a session, and what to label because of it."""
