"""The section that makes labels for one network out of smoothed sessions."""
