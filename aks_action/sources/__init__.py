"""What is read from the workspace: manifests and compose files."""
