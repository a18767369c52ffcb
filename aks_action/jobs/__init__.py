"""The jobs of a step, each told as a story: publish images, deploy manifests."""
