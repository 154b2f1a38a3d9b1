"""What strings the steps together for calibrations: points in, a mended or placed rig out."""
