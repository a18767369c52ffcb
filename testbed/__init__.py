"""A real cluster, registry, gateway and workflow runner on one machine, for tests and the demo."""
