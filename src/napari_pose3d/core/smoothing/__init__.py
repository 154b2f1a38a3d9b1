"""The Ensemble Kalman Smoother: calibrated, linear and single-view."""
