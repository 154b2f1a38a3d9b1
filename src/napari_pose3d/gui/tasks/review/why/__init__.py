"""Why an event is one: what the views and the networks hold against each other, on the images."""
