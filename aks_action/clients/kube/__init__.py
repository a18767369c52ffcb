"""The only door to `kubernetes`: an API server as `ports.Cluster`.

Import what is needed from the modules inside: `connection.connect` gives the cluster. This file
imports nothing, so that `errors` can be used without the cost of the library.
"""
