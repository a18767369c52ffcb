"""The door to Azure: Entra by azure-identity, the resource manager and registries by HTTPS.

This file imports nothing: `azure.identity` costs 0.1 s, which only a sign-in to Azure pays.
"""
