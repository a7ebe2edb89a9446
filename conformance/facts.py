"""What a server says of itself before anything is sent to it: configuration, resource types, schemas."""

from conformance.exchange import Json
from conformance.session import Session


def ask(session: Session) -> dict[str, Json]:
    """`config` is ServiceProviderConfig, `resource_types` and `schemas` are by id; None or empty if not served."""
    return {
        "config": _read(session, "/ServiceProviderConfig"),
        "resource_types": _by_id(_read(session, "/ResourceTypes")),
        "schemas": _by_id(_read(session, "/Schemas")),
    }


def _read(session: Session, path: str) -> Json:
    headers = {**session.credentials, "Accept": "application/scim+json"}
    response = session.exchange("GET", path, headers, None).response
    return response.json() if response and response.is_success else None


def _by_id(answer: Json) -> dict[str, Json]:
    """A list as it is, or as a ListResponse has it; some servers answer with a bare array."""
    resources = answer.get("Resources") if isinstance(answer, dict) else answer
    if not isinstance(resources, list):
        return {}
    return {str(one.get("id") or one.get("name")): one for one in resources if isinstance(one, dict)}
