"""Other programs' results on made-up data, which the tests hold ours against."""
