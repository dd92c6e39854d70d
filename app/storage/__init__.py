"""Objects: where bytes rest, how they get there and when they go."""
