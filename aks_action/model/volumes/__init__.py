"""PersistentVolumeClaims that exist: what can change of them, and what has to happen around it."""
