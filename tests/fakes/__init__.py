"""In-memory stand-ins for the ports, proven by the contract tests."""
