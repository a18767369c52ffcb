"""ConfigMaps and Secrets: what changes in them, who reads it, versions and restarts."""
