"""Text to domain nodes: filters, PATCH paths, attribute names. The one room that names scim2_filter_parser."""

from scim_server.filtering.filters import parse_filter
from scim_server.filtering.limits import Limits
from scim_server.filtering.paths import parse_attribute, parse_path

__all__ = ["Limits", "parse_attribute", "parse_filter", "parse_path"]
