"""The blocks, images and tables of the documentation."""
