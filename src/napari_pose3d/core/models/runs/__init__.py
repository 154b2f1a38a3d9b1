"""Trainings: started in the background, followed by their files, stopped, gone on with."""
