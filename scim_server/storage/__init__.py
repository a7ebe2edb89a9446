"""Where resources are kept: a protocol of few verbs, and its SQL implementation."""
