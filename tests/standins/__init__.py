"""Stand-ins for Azure and GitHub: real HTTPS servers that answer as the REST references say.

Every host keeps its real name: a proxy on loopback, which the action is told by HTTPS_PROXY as
behind a company's proxy, leads `management.azure.com` and the others here.
"""
