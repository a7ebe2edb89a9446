"""What a known client sends, rewritten into what the RFC says; JSON in, JSON out."""
