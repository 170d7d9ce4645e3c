"""Keep: the archive of clips, posters and images, and the inspection of video files."""
