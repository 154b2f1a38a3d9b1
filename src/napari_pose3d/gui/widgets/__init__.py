"""The dock widgets: thin, they gather settings, start core work and hand results to the layers."""
