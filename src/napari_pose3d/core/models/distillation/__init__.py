"""Smoothed predictions as labels for one network that learns what an ensemble knows."""
