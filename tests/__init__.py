"""The tests. A package of its own name, since some libraries install one called `tests`."""
