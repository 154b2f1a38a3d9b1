"""Trainings started, followed and stopped."""
