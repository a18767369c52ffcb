"""What carries a plan out: publishing, checking, executing, waiting, diagnosing."""
