"""Sessions predicted by networks: what is done already, run by run, and counted by its files."""
