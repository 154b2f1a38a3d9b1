"""Networks trained, followed, used: the panel Models."""
