"""The panel Export: to and from other programs."""
