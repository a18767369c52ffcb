"""What an apply does to an object: told from what is live, a dry-run, or a refusal."""
