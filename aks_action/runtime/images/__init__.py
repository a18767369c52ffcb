"""Images in registries: published, released, and found by their digest."""
