"""Judges that none of us wrote: the venue's own SDK models and its documented signatures."""
