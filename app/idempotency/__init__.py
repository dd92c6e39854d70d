"""`Idempotency-Key`: a POST that may be sent again, and is done once."""
