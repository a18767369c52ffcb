"""The doors to other systems: the cluster, registries, the engine, GitHub."""
