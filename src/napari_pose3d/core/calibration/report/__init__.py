"""The result of a calibration on one page: figures as JSON, and a page to look at."""
