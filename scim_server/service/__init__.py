"""The use cases: create, read, search, replace, patch and delete resources, each write in one transaction."""
