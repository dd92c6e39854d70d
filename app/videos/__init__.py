"""Upload, probe, list, trim and delete videos."""
