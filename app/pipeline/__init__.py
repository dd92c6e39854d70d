"""One call for everything: the stages of a dub, for one language or many."""
