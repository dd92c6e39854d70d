"""Long work: its queue, its state, its progress."""
