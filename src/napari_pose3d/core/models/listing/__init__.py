"""The networks of a project, with what became of them and how well they meet the labels."""
