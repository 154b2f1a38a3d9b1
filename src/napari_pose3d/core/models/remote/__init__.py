"""Trainings on another machine, through the user's own ssh or sbatch; no credentials are kept."""
