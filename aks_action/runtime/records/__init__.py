"""Records of releases in the cluster: read, written and forgotten."""
