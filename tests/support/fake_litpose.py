"""A stand-in for litpose; see below."""
