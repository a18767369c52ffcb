"""Images: their names, what is published under which, and where manifests name them."""
