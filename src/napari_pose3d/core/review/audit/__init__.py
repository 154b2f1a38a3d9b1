"""What is wrong with labels that people made."""
