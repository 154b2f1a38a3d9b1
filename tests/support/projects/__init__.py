"""Small projects on disk, with known numbers and labels."""
