"""The program that trains: which one, and how to install it."""
