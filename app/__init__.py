"""Upload a video; get subtitles, a translation, a voice and a dubbed video that stays in sync."""
