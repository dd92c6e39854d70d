"""Speech synthesis engines behind one Protocol."""
