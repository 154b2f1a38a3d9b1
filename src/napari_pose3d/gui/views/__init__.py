"""Camera views: one canvas per camera, each with its own zoom, all on one time axis."""
