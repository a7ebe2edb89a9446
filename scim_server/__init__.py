"""A SCIM 2.0 service provider for contact-centre and telephony directories."""

from importlib.metadata import version

__version__ = version("scim-server")
