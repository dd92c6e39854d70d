"""Voices, spoken segments and their place on the video's clock."""
