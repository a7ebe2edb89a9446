"""What two connectors send, to be recorded: values by which they would be known, and the requests in order."""

import base64
import json
from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import quote

from conformance.exchange import Exchange, Request, Response, Transport
from conformance.masking import Masking
from conformance.player import Player
from conformance.results import Result
from conformance.scenario import Suite
from conformance.session import Session

USER: Final = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP: Final = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH_OP: Final = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

PERSONAL: Final = {
    "user_name": "Valeria.Quintero@contoso.example",
    "external_id": "7b1f9c52-83d4-4e0a-9d67-2f40c8a1b396",
    "given": "Valeria",
    "family": "Quintero",
    "full": "Valeria Quintero",
    "phone": "+34 912 847 360",
    "extension": "48213",
    "department": "Beschaffung München",
    "role": "Guild-Keeper",
    "group": "Night Watch North",
    "group_id": "grp-8842-kw",
    "password": "hUnter-2!secret",
    "second": "benoit.laurent@contoso.example",
    "second_external": "emp#90417",
    "title": "Archivist",
    "stale": 'W/"0f9e8d7c6b"',
    "nobody": "nobody-like-hermione@contoso.example",
}

Bring = Callable[[Request], Response]
"""What brings the answer to a request."""


class Connector:
    """Sends below `base` with a token, and keeps every answer."""

    def __init__(self, bring: Bring, base: str, token: str) -> None:
        self._bring = bring
        self._base = base
        self._token = token
        self.answers: list[Response] = []

    def __call__(self, line: str, body: Any = None, expect: Sequence[int] = (200,), **headers: str) -> Any:
        """The parsed answer to a method and a target; header names have underscores for hyphens."""
        method, _, target = line.partition(" ")
        sent = {"Accept": "application/scim+json", "User-Agent": "Sync/2.1 (contact valeria@contoso.example)"}
        sent |= {"Authorization": f"Bearer {self._token}", "X-Correlation": PERSONAL["external_id"]}
        content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        if content is not None:
            sent["Content-Type"] = "application/scim+json; charset=utf-8"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        response = self._bring(Request(method, self._base + target, sent, content))
        self.answers.append(response)
        assert response.status in expect, (line, response.status, response.body)
        return response.json() if response.body else None


def patch(*operations: Any) -> dict[str, Any]:
    return {"schemas": [PATCH_OP], "Operations": list(operations)}


def entra_cycle(send: Connector) -> list[str]:
    """A user and a group from the first match to their deletion; the ids that the server gave."""
    p = PERSONAL
    send(f"GET /Users?filter=userName+eq+%22{quote(p['user_name'])}%22&")
    user = {
        "schemas": [USER, ENTERPRISE],
        "externalId": p["external_id"],
        "userName": p["user_name"],
        "active": True,
        "displayName": p["full"],
        "password": p["password"],
        "emails": [{"primary": True, "type": "work", "value": p["user_name"].lower()}],
        "phoneNumbers": [{"type": "mobile", "value": p["phone"]}],
        "meta": {"resourceType": "User"},
        "name": {"formatted": p["full"], "familyName": p["family"], "givenName": p["given"]},
        "roles": [],
        "preferredLanguage": "de-DE",
        ENTERPRISE: {"department": p["department"], "employeeNumber": p["extension"]},
    }
    made = send("POST /Users", user, expect=(201,))
    id, version = made["id"], send.answers[-1].headers["etag"]
    send(f"GET /Users?filter=userName+eq+%22{quote(p['user_name'].upper())}%22&")
    send(f"GET /Users?filter=externalId%20eq%20%22{p['external_id']}%22")
    send(f"GET /Users?filter=emails%5Btype%20eq%20%22work%22%5D.value%20eq%20%22{quote(p['user_name'])}%22")
    role = json.dumps({"id": "", "value": p["role"], "display": p["role"], "primary": "True"})
    send(
        f"PATCH /Users/{id}",
        patch(
            {"op": "Replace", "path": "displayName", "value": f"{p['given']} X"},
            {"op": "Replace", "path": 'emails[type eq "work"].value', "value": p["second"]},
            {"op": "Add", "path": "roles", "value": role},
        ),
        If_Match=version,
    )
    send(
        f"PATCH /Users/{id}",
        patch({"op": "replace", "value": {"title": p["title"], "name.familyName": "Quintero-Sol"}}),
    )
    send(
        f"PATCH /Users/{id}",
        patch({"op": "replace", "path": "title", "value": "x"}),
        expect=(412,),
        If_Match=p["stale"],
    )
    second = send(
        "POST /Users",
        {"schemas": [USER], "userName": p["second"], "externalId": p["second_external"], "active": True},
        expect=(201,),
    )["id"]
    group = send(
        "POST /Groups",
        {"schemas": [GROUP], "displayName": p["group"], "externalId": p["group_id"], "members": [{"value": id}]},
        expect=(201,),
    )["id"]
    send(
        f"PATCH /Groups/{group}",
        patch({"op": "Add", "path": "members", "value": [{"value": second}]}),
        expect=(200, 204),
    )
    send(f"GET /Groups?filter=displayName%20eq%20%22{quote(p['group'])}%22&excludedAttributes=members")
    send(f"GET /Groups/{group}")
    send(f"PATCH /Groups/{group}", patch({"op": "remove", "path": f'members[value eq "{id}"]'}), expect=(200, 204))
    send(f"GET /Groups/{group}")
    send(f"GET /Groups?filter=id%20eq%20%22{group}%22%20and%20members%20eq%20%22{second}%22")
    send(f"PATCH /Users/{id}", patch({"op": "Replace", "path": "active", "value": "False"}))
    send(f"GET /Users/{id}")
    page = send("GET /Users?cursor=&count=1")
    send(f"GET /Users?cursor={quote(page['nextCursor'], safe='')}&count=1")
    send("POST /Users", b'{"userName": "' + p["user_name"].encode() + b'", {{', expect=(400,))
    send(f"GET /Users?filter=userName%20eq%20{quote(p['nobody'])}", expect=(400, 200))
    send(f"DELETE /Groups/{group}", expect=(204,))
    send(f"DELETE /Users/{id}", expect=(204,))
    send(f"DELETE /Users/{second}", expect=(204,))
    send(f"GET /Users/{id}", expect=(404,))
    basic = base64.b64encode(f"{p['user_name']}:{p['password']}".encode()).decode()
    send("GET /Users", expect=(401,), Authorization=f"Basic {basic}")
    return [id, second, group, basic]


def okta_cycle(send: Connector) -> list[str]:
    """A user whom the server had already is found, read, and written back with what the server made."""
    p = PERSONAL
    (found,) = send(f"GET /Users?filter=userName%20eq%20%22{quote(p['user_name'])}%22&startIndex=1&count=100")[
        "Resources"
    ]
    read = send(f"GET /Users/{found['id']}")
    send(f"PUT /Users/{found['id']}", {**read, "title": p["title"], "active": False})
    send(f"GET /Users/{found['id']}")
    return [found["id"]]


def session(transport: Transport, base_url: str, token: str) -> Session:
    return Session(
        base_url=base_url,
        transport=transport,
        credentials={"Authorization": f"Bearer {token}"},
        run="replay",
        masking=Masking([token]),
    )


def replayed(suite: Suite, within: Session) -> tuple[Result, list[Exchange]]:
    """What becomes of the one scenario of a recording, and what was sent and answered."""
    (scenario,) = suite.scenarios
    seen: list[Exchange] = []
    return Player(within, suite, scenario, seen.append, 60.0).play(), seen
