"""Target-language text: translation and editing."""
