"""Carrying a plan out: stage after stage, written down before it is done."""
