"""The section "Many sessions": a batch over the sessions of the open project."""
