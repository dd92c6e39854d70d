"""The final video: mix, burned-in subtitles, containers."""
