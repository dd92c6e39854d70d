"""What was spent, and on what, over HTTP."""
