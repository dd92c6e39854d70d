"""What belongs together and to whom: every video is in a project, and a project has members."""
