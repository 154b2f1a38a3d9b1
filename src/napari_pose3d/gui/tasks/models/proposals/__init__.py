"""The network that proposes labels."""
