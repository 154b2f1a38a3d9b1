"""From files to what is wrong in them: reviews of predictions, audits of labels."""
