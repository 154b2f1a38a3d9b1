"""Which files of a folder are what: from one listing of it to sessions."""
