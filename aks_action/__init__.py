"""Release an application to Kubernetes on Azure from GitHub, in one step."""

__version__ = "0.1.0"
