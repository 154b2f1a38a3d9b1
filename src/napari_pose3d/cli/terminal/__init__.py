"""What every command shares: parser, progress, interruption, and what it prints."""
