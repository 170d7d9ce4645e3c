"""The review wall: clips on one clock, notes, stars, differences."""
