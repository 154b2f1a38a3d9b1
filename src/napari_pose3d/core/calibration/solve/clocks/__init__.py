"""When the images of each camera were taken: how the board moves, clocks, lags at the start."""
