"""What was done that somebody may want to know of later."""
