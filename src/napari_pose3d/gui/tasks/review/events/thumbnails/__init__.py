"""A frame in all views at once, cut out around what the event is about."""
