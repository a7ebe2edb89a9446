"""The registries that tests want, mostly that of a tenant that is added without a profile."""

from pathlib import Path

from scim_server import catalog
from scim_server.domain.registry import Registry


def registry_of(extensions: Path | None = None) -> Registry:
    """What the built-in schemas, and the extensions in a folder, are for a tenant of the default profile."""
    catalogue = catalog.load(extensions)
    return catalogue.of(catalogue.default)


def registry_of_profile(extensions: Path, profile: str) -> Registry:
    """What the extensions in a folder are for a tenant of that profile."""
    return catalog.load(extensions).of(profile)
