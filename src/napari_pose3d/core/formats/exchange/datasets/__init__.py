"""Data sets that networks are trained with: labels and their images."""
