"""Everything that is somebody's: to take along, or to have deleted."""
