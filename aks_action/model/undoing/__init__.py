"""Undoing a run that has failed: what it wrote, and the plan that takes it back."""
