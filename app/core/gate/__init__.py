"""Who may call an engine next, and how many at once."""
