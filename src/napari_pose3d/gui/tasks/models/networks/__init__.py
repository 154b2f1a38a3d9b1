"""The networks of a project, and what they predict."""
