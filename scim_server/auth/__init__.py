"""Who is calling: a credential becomes a client of one tenant."""
