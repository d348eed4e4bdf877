"""Redaction of one clip: where to cover, along tracks that live inside the clip, and the covering itself."""
