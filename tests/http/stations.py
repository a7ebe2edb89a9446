"""A server whose tenants have teams with supervisors of their own, in levels; for tests of what a binding can say."""

import json
import shutil
from pathlib import Path
from typing import Any

from tests.http.server import GROUP, PATCH_OP, Client

ROOT = Path(__file__).parents[2]
VOCABULARY = "urn:ietf:params:scim:schemas:extension:contactcentre:2.0"
AGENT, TEAM = f"{VOCABULARY}:User", f"{VOCABULARY}:Group"
SUPERVISED = "urn:ietf:params:scim:schemas:extension:teamsupervisors:2.0:Group"


def extensions(folder: Path) -> Path:
    """The product in a new folder: schemas that come along, and a profile of its own."""
    shutil.copytree(ROOT / "tests/data/stations", folder / "stations")
    for name in ("contactcentre-user", "contactcentre-group", "teamsupervisors-group"):
        shutil.copy(ROOT / f"extensions/contact-centre/schemas/{name}.json", folder / "stations/schemas")
    return folder


def team(client: Client, name: str, *supervisors: str, **more: Any) -> str:
    """The id of a new team with these supervisors, who are its members too."""
    listed = [{"value": id} for id in supervisors]
    supervised = {SUPERVISED: {"supervisors": listed}} if listed else {}
    body = {"schemas": [GROUP], "displayName": name, "members": listed, **supervised, **more}
    answer = client.send("POST", "/Groups", body)
    assert answer.status_code == 201, answer.text
    return str(json.loads(answer.data)["id"])


def read(client: Client, path: str) -> dict[str, Any]:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = json.loads(answer.data)
    return found


def patch(client: Client, path: str, *operations: dict[str, Any]) -> dict[str, Any]:
    answer = client.send("PATCH", path, {"schemas": [PATCH_OP], "Operations": [*operations]})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = json.loads(answer.data)
    return found


def supervisors(found: dict[str, Any]) -> list[str]:
    return [element["value"] for element in found.get(SUPERVISED, {}).get("supervisors", ())]


def names(client: Client, path: str, key: str = "displayName") -> list[str]:
    """What the resources of a list are called, in its order."""
    return [resource[key] for resource in read(client, path)["Resources"]]
