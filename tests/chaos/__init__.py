"""Many jobs through kills, faults and a full disk, and the proof that nothing came of it."""
