"""Source-language text: transcription and editing."""
