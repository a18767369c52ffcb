"""The records and rules of the action: pure, with no I/O, no clock and no third party."""
