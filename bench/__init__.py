"""The action beside the tools that people use today, in one run on one machine."""
