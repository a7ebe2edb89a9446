"""The use cases: resources, membership, conditions, bulk and discovery, each in one transaction."""
