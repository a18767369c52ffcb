"""The main job on real components, as a story that a person can read."""
