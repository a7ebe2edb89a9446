"""Bulk requests for tests, and what holds for every answer to one."""

import json
from typing import Any

from tests.http.server import ERROR, GROUP, PATCH_OP, USER, Client

BULK_REQUEST = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
BULK_RESPONSE = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

Entry = dict[str, Any]


def user(bulk_id: str, name: str | None = None, **attributes: Any) -> Entry:
    data = {"schemas": [USER], "userName": name or bulk_id, **attributes}
    return {"method": "POST", "path": "/Users", "bulkId": bulk_id, "data": data}


def report(bulk_id: str, manager: str) -> Entry:
    """A user whose manager is the one of that bulkId."""
    new = user(bulk_id)
    new["data"] |= {"schemas": [USER, ENTERPRISE], ENTERPRISE: {"manager": {"value": f"bulkId:{manager}"}}}
    return new


def group(bulk_id: str, *members: str, name: str | None = None) -> Entry:
    """A group whose members are those of these bulkIds."""
    return group_of(bulk_id, *(f"bulkId:{member}" for member in members), name=name)


def group_of(bulk_id: str, *values: str, name: str | None = None) -> Entry:
    data = {"schemas": [GROUP], "displayName": name or bulk_id, "members": [{"value": value} for value in values]}
    return {"method": "POST", "path": "/Groups", "bulkId": bulk_id, "data": data}


def patch(path: str, *operations: Entry, **more: Any) -> Entry:
    return {"method": "PATCH", "path": path, "data": {"schemas": [PATCH_OP], "Operations": [*operations]}, **more}


def titled(title: str) -> Entry:
    return {"op": "replace", "path": "title", "value": title}


def delete(path: str, **more: Any) -> Entry:
    return {"method": "DELETE", "path": path, **more}


def send(client: Client, *operations: Any, headers: dict[str, str] | None = None, **members: Any) -> list[Entry]:
    """The entries of the answer, which is a BulkResponse with 200."""
    body = {"schemas": [BULK_REQUEST], "Operations": [*operations], **members}
    answer = client.send("POST", "/Bulk", body, headers)
    assert answer.status_code == 200, answer.text
    message = json.loads(answer.data)
    assert message["schemas"] == [BULK_RESPONSE]
    assert message.keys() == {"schemas", "Operations"}
    for entry in message["Operations"]:
        assert_mannerly(entry)
    return list(message["Operations"])


def assert_mannerly(entry: Entry) -> None:
    """What every entry has (R-BULK-09 to -11)."""
    assert isinstance(entry["status"], str)
    succeeded = entry["status"] in ("200", "201", "204")
    assert entry.keys() <= {"method", "bulkId", "location", "version", "status", "response"}
    assert ("response" in entry) is not succeeded
    assert ("version" in entry) is (entry["status"] in ("200", "201"))
    if not succeeded:
        assert entry["response"]["schemas"] == [ERROR]
        assert entry["response"]["status"] == entry["status"]
        assert entry["response"]["detail"]
    if entry.get("method") == "POST":
        assert ("location" in entry) is succeeded


def statuses(entries: list[Entry]) -> list[str]:
    return [entry["status"] for entry in entries]


def failures(entries: list[Entry]) -> list[tuple[str, str | None]]:
    """(status, scimType) of those that failed."""
    return [(e["status"], e["response"].get("scimType")) for e in entries if "response" in e]


def id_of(entry: Entry) -> str:
    return str(entry["location"]).rpartition("/")[2]


def names(client: Client, endpoint: str = "/Users", attribute: str = "userName") -> list[str]:
    """The names of all resources there, in the order in which they were created."""
    found: list[str] = []
    total = 1
    while len(found) < total:
        page = client.get(f"{endpoint}?startIndex={len(found) + 1}&count=1000").get_json(force=True)
        found += [resource[attribute] for resource in page["Resources"]]
        total = page["totalResults"]
    return found


def members(client: Client, id: str) -> list[str]:
    found = client.get(f"/Groups/{id}").get_json(force=True)
    return [member["value"] for member in found.get("members", [])]


def got(client: Client, entry: Entry) -> Entry:
    """The resource that an entry is about."""
    answer = client.send_raw("GET", entry["location"])
    assert answer.status_code == 200, answer.text
    return dict(answer.get_json(force=True))
