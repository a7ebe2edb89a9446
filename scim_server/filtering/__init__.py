"""SCIM filter and path text becomes domain nodes; the one room that names scim2_filter_parser."""
