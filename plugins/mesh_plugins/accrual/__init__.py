"""Circuit breaking per endpoint: the state machine and the policies."""
