"""Keep: clips, posters and images in the archive, and what can be told of a video file."""
