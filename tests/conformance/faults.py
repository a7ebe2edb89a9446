"""Faults that real servers have: what each spoils of a sound server, and what a run must and may report of it.

`reported` are items, suite by suite: under each of them the fault must be reported. `spoils` are the capabilities in
which anything at all may be reported; whatever fails elsewhere is a false report.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from conformance.exchange import Request, Response
from conformance.scenario import Capability
from tests.conformance import behaviours as wrong
from tests.conformance.in_process import Layer, Send
from tests.conformance.layers import (
    NOTHING,
    Operation,
    Which,
    answering,
    asking,
    body_of,
    filter_of,
    is_list,
    is_to,
    is_write,
    mapped,
    operations_of,
    parts_of,
    path,
    reading,
    refusing,
    saying,
    showing,
    then,
    translating,
    verb,
    where,
    with_header,
    with_json,
    with_operations,
    with_query,
    without,
    without_header,
    writing,
)


@dataclass(frozen=True, slots=True)
class Fault:
    """A layer, what it spoils in a sentence, and what a run must and may report of it."""

    name: str
    sentence: str
    layer: Layer
    spoils: frozenset[Capability]
    reported: Mapping[str, tuple[str, ...]]


def fault(name: str, sentence: str, layer: Layer, spoils: str, **reported: str) -> Fault:
    """A fault; capabilities and items are separated by blanks."""
    capabilities = frozenset(map(Capability, spoils.split()))
    return Fault(name, sentence, layer, capabilities, {suite: tuple(said.split()) for suite, said in reported.items()})


EVERYTHING: Final = " ".join(capability.value for capability in Capability)


def but(others: str) -> str:
    """All capabilities but these."""
    return " ".join(capability for capability in EVERYTHING.split() if capability not in others.split())


def sound(request: Request, send: Send) -> Response:
    """The layer that spoils nothing."""
    return send(request)


def having(question: Callable[[Operation], bool]) -> Which:
    """PATCH requests with an operation of that kind."""
    return lambda request: any(question(operation) for operation in operations_of(request))


ANSWERS: Final = (
    fault(
        "charset-in-media-type",
        "The media type of every answer has a charset.",
        wrong.typed("application/scim+json; charset=utf-8"),
        "errors",
        entra="ENTRA-95",
    ),
    fault(
        "json-media-type",
        "Answers are of type application/json.",
        wrong.typed("application/json"),
        "errors read connection",
        entra="ENTRA-95",
        rfc="R-HTTP-04",
    ),
    fault(
        "html-errors",
        "Errors are HTML pages, as the web framework makes them.",
        answering(wrong.as_page_of_a_framework),
        EVERYTHING,
        okta="OKTA-30 OKTA-40",
        rfc="R-ERR-01 R-ERR-07",
    ),
    fault(
        "error-status-number",
        "The status in an error is a number.",
        saying(wrong.with_status_as_number),
        EVERYTHING,
        okta="OKTA-40",
        rfc="R-ERR-01",
    ),
    fault(
        "refused-login-without-body",
        "A 401 has no body.",
        answering(lambda said: wrong.without_body(said) if said.status == 401 else said),
        "errors authentication",
        entra="ENTRA-80",
        okta="OKTA-30 OKTA-40",
    ),
    fault(
        "any-token",
        "Every token is accepted.",
        wrong.AnyToken(),
        "authentication errors connection paging",
        entra="ENTRA-80",
        okta="OKTA-40 OKTA-02",
    ),
    fault(
        "unknown-id-500",
        "Asking for an id that nobody has is a 500.",
        translating(404, 500, "Internal Server Error"),
        "errors read create update deletion groups membership discovery connection versions bulk",
        entra="ENTRA-09",
        okta="OKTA-40",
        rfc="R-GET-02",
    ),
    fault(
        "odd-id-400",
        "An id that is no UUID is a 400.",
        refusing(
            lambda request: (
                len(parts_of(request)) == 2
                and parts_of(request)[0] in ("Users", "Groups")
                and not parts_of(request)[1].startswith(".")
                and not wrong.UUID.fullmatch(parts_of(request)[1])
            ),
            400,
            "The id is no UUID.",
        ),
        "errors read deletion update groups",
        okta="OKTA-40",
    ),
    fault(
        "created-without-location",
        "The answer to a POST has no Location.",
        answering(lambda said: with_header(said, "location", None)),
        "create groups",
        rfc="R-POST-02",
    ),
    fault(
        "created-without-body",
        "A POST is answered 204 with no body.",
        where(
            lambda request: request.method == "POST" and len(parts_of(request)) == 1,
            answering(lambda said: NOTHING if said.status == 201 else said),
        ),
        EVERYTHING,
        okta="OKTA-04",
        rfc="R-POST-01",
    ),
    fault(
        "unreadable-body-500",
        "A body that is no JSON is a 500.",
        refusing(wrong.unreadable, 500, "Internal Server Error"),
        "connection create update groups bulk errors",
        okta="OKTA-30",
        rfc="R-POST-07",
    ),
    fault(
        "relative-locations",
        "The addresses of resources are paths.",
        then(answering(wrong.with_relative_location), showing(wrong.with_relative_meta)),
        "discovery create read update deletion groups versions bulk",
        rfc="R-META-08",
    ),
)

LISTS: Final = (
    fault(
        "filter-ignored",
        "A filter is ignored, and everybody is shown.",
        asking(lambda request: with_query(request, filter=None) if filter_of(request) else request),
        but("versions"),
        entra="ENTRA-03 ENTRA-50",
        okta="OKTA-03 OKTA-20 OKTA-40",
        rfc="R-FILT-02",
    ),
    fault(
        "match-by-case",
        "A name matches only in the case in which it is kept.",
        wrong.case_sensitive,
        "connection matching read groups",
        entra="ENTRA-07",
        okta="OKTA-40",
        rfc="R-FILT-21",
    ),
    fault(
        "no-match-404",
        "A filter that matches nobody is a 404.",
        wrong.nobody_is_404,
        but("versions discovery"),
        entra="ENTRA-01",
        okta="OKTA-40",
        rfc="R-GET-05",
    ),
    fault(
        "filter-by-external-id-refused",
        "A filter on externalId is a 400.",
        wrong.filters("externalId"),
        "connection matching create update deactivation deletion groups",
        entra="ENTRA-02 ENTRA-04",
        rippling="RIP-03",
    ),
    fault(
        "filter-by-value-path-refused",
        "A filter with brackets is a 400.",
        wrong.filters(r"\["),
        "connection matching deactivation deletion",
        entra="ENTRA-05",
        rfc="R-FILT-04",
    ),
    fault(
        "filter-with-and-refused",
        "A filter of two terms is a 400.",
        wrong.filters(r" and "),
        "matching membership update paging sorting read groups",
        entra="ENTRA-31 ENTRA-57",
        rfc="R-FILT-05",
    ),
    fault(
        "inactive-hidden",
        "Users who are inactive are left out of lists.",
        wrong.inactive_hidden,
        "matching create deactivation deletion paging",
        entra="ENTRA-60",
        okta="OKTA-10",
        rfc="R-DEL-07",
    ),
    fault(
        "inactive-gone",
        "A user who is inactive cannot be read.",
        wrong.inactive_gone,
        "matching create read update deactivation deletion membership",
        entra="ENTRA-09",
    ),
    fault(
        "filter-decoded-twice",
        "What is encoded in a filter is decoded twice.",
        wrong.decoded_twice,
        "matching create groups",
        entra="ENTRA-08",
        rfc="R-HTTP-02",
    ),
    fault(
        "plus-taken-literally",
        "A plus in a query is no blank.",
        wrong.plus_taken_literally,
        "connection matching create update deactivation deletion",
        onelogin="OL-01",
    ),
    fault(
        "trailing-question-mark",
        "A question mark or ampersand at the end of an address is a 404.",
        refusing(lambda request: request.target.endswith(("?", "&")), 404, "There is no such address."),
        "connection matching create update deactivation deletion groups membership authentication",
        onelogin="OL-01",
    ),
    fault(
        "double-slash-404",
        "Two slashes in a path are a 404.",
        refusing(lambda request: "//" in request.target.partition("?")[0], 404, "There is no such address."),
        "connection",
        clients="CL-03",
    ),
    fault(
        "total-of-the-page",
        "totalResults counts the page.",
        saying(wrong.total_of_the_page),
        "connection matching read paging sorting",
        entra="ENTRA-74",
        okta="OKTA-13",
        rfc="R-PAGE-05",
    ),
    fault(
        "count-ignored",
        "count is ignored.",
        where(is_list, asking(lambda request: with_query(request, count=None))),
        "connection matching read paging sorting bulk entitlements",
        okta="OKTA-01",
        rfc="R-PAGE-03",
    ),
    fault(
        "start-index-one",
        "startIndex is 1 on every page.",
        wrong.paged({"startIndex": 1}),
        "matching read paging",
        entra="ENTRA-74",
        rfc="R-PAGE-05",
    ),
    fault(
        "items-per-page-as-asked",
        "itemsPerPage is the count that was asked for.",
        wrong.items_per_page_as_asked,
        "connection matching paging entitlements",
        rfc="R-PAGE-05",
    ),
    fault(
        "unstable-order",
        "The pages of a list are cut from different orders.",
        wrong.unstable_order,
        "matching paging sorting",
        entra="ENTRA-74",
        okta="OKTA-13",
        rfc="R-PAGE-11",
    ),
    fault(
        "cursor-repeated",
        "A page leads to itself.",
        wrong.cursor_repeated,
        "paging",
        clients="NEW-01",
        rfc="R-CUR-03",
    ),
    fault(
        "numbers-as-text",
        "The numbers of a list are texts.",
        saying(wrong.numbers_as_text),
        but("versions"),
        okta="OKTA-01 OKTA-40",
        rfc="R-GET-07",
    ),
    fault(
        "sort-ignored",
        "sortBy is ignored.",
        asking(lambda request: with_query(request, sortBy=None, sortOrder=None)),
        "sorting paging",
        rfc="R-SORT-01",
    ),
    fault(
        "list-elements-without-schemas",
        "Resources in a list have no schemas.",
        saying(
            lambda body: (
                {**body, "Resources": [without(one, "schemas") for one in body["Resources"]]}
                if "Resources" in body
                else body
            )
        ),
        "read discovery matching paging connection entitlements",
        sailpoint="SP-02",
        rfc="R-SCH-01",
    ),
    fault(
        "attributes-ignored",
        "attributes is ignored, and everything is shown.",
        asking(lambda request: with_query(request, attributes=None)),
        "matching create read update groups paging sorting versions",
        rfc="R-ATTR-02",
    ),
    fault(
        "members-never-excluded",
        "excludedAttributes is ignored, and members are shown.",
        asking(lambda request: with_query(request, excludedAttributes=None)),
        "groups matching membership read",
        entra="ENTRA-50 ENTRA-52",
        rfc="R-ATTR-11",
    ),
    fault(
        "start-index-from-zero",
        "startIndex counts from 0.",
        where(is_list, asking(wrong.one_further)),
        but("versions bulk discovery"),
        entra="ENTRA-74",
        okta="OKTA-13",
        rfc="R-PAGE-01",
    ),
    fault(
        "count-zero-ignored",
        "A count of 0 is taken for none.",
        where(lambda request: wrong.count_of(request) == "0", asking(lambda request: with_query(request, count=None))),
        "paging sorting",
        rfc="R-PAGE-02",
    ),
    fault(
        "terms-from-left-to-right",
        "and binds no tighter than or.",
        asking(wrong.grouped_from_the_left),
        "matching",
        rfc="R-FILT-05",
    ),
    fault(
        "brackets-across-elements",
        "The terms in brackets may be met by different elements.",
        asking(wrong.brackets_taken_apart),
        "matching",
        rfc="R-FILT-16",
    ),
    fault(
        "search-404",
        "POST to .search is a 404.",
        refusing(lambda request: request.target.endswith("/.search"), 404, "There is no such address."),
        "matching read paging sorting errors",
        rfc="R-SRCH-01",
    ),
    fault(
        "slow-groups",
        "The list of groups takes its time.",
        where(is_to("GET", "Groups", parts=1), wrong.slowly),
        "groups",
        okta="OKTA-40",
    ),
)

USERS: Final = (
    fault(
        "duplicate-accepted",
        "A second user of a name is answered as created.",
        wrong.duplicate_accepted,
        "create groups matching errors update bulk",
        entra="ENTRA-14",
        okta="OKTA-05 OKTA-40",
        rfc="R-POST-04",
    ),
    fault(
        "duplicate-400",
        "A second user of a name is a 400.",
        translating(409, 400, "The value is taken.", "invalidValue"),
        "create groups matching errors update bulk",
        entra="ENTRA-14",
        okta="OKTA-05",
        rfc="R-POST-04",
    ),
    fault(
        "duplicate-500",
        "A second user of a name is a 500, as the database said it.",
        translating(409, 500, "IntegrityError: UNIQUE constraint failed"),
        "create groups matching errors update bulk",
        entra="ENTRA-14",
        okta="OKTA-05 OKTA-40",
        rfc="R-POST-04",
    ),
    fault(
        "put-keeps",
        "A PUT keeps what it leaves out.",
        wrong.put_keeps_what_is_left_out,
        "update groups membership",
        okta="OKTA-16",
    ),
    fault(
        "put-deactivates",
        "A PUT without active deactivates.",
        where(lambda request: request.method == "PUT", writing(wrong.inactive_without_active)),
        "update deactivation membership",
        clients="X-08",
    ),
    fault(
        "put-creates",
        "A PUT to an unknown id creates a resource.",
        wrong.put_creates,
        "update deletion groups versions errors",
        rfc="R-PUT-02",
    ),
    fault(
        "put-without-body",
        "A PUT is answered 204.",
        where(
            lambda request: request.method == "PUT",
            answering(lambda said: NOTHING if said.status == 200 else said),
        ),
        "connection matching create read update deactivation groups membership versions",
        okta="OKTA-07",
        rfc="R-PUT-09",
    ),
    fault(
        "id-changes",
        "A PUT of a user makes a new one of it, with another id.",
        wrong.id_changes,
        "matching create read update deactivation deletion groups membership versions bulk",
        okta="OKTA-07",
        rfc="R-PUT-06",
    ),
    fault(
        "delete-deactivates",
        "A DELETE only deactivates.",
        wrong.delete_deactivates,
        "deletion versions bulk create",
        entra="ENTRA-62",
        rfc="R-DEL-02",
    ),
    fault(
        "deleted-twice",
        "A second DELETE succeeds.",
        wrong.GoneTwice(),
        "deletion",
        entra="ENTRA-95",
        rfc="R-DEL-02",
    ),
    fault(
        "password-returned",
        "The answer to a write shows the password.",
        wrong.password_returned,
        "create update",
        okta="OKTA-11",
    ),
    fault(
        "meta-missing",
        "Resources have no meta.",
        showing(lambda resource: without(resource, "meta")),
        "discovery matching create read update groups paging sorting versions bulk",
        rfc="R-META-02",
    ),
    fault(
        "never-modified",
        "lastModified stays what it was.",
        showing(wrong.never_modified),
        "update versions read sorting",
        rfc="R-META-04",
    ),
    fault(
        "enterprise-dropped",
        "The enterprise extension is not stored.",
        then(showing(wrong.without_enterprise), writing(lambda body: without(body, wrong.ENTERPRISE))),
        "matching create read update sorting bulk",
        entra="ENTRA-11",
        rfc="R-SCH-04",
    ),
    fault(
        "phones-formatted",
        "Phone numbers are brought into one form.",
        showing(wrong.numbers_formatted),
        "create update read",
        entra="ENTRA-15",
    ),
    fault(
        "user-name-in-small-letters",
        "A userName is kept in small letters.",
        writing(lambda body: mapped(body, wrong.in_small_letters)),
        "create update read matching",
        entra="ENTRA-15",
    ),
    fault(
        "null-as-text",
        'null is stored as the text "null".',
        writing(wrong.null_as_text),
        "create update",
        entra="ENTRA-12 ENTRA-34",
    ),
    fault(
        "empty-text-refused",
        "An empty text is a 400.",
        refusing(wrong.has_empty_text, 400, "The value must not be empty.", "invalidValue"),
        "update create",
        entra="ENTRA-30 ENTRA-34",
        okta="OKTA-16",
    ),
    fault(
        "json-415",
        "Bodies of type application/json are a 415.",
        refusing(
            lambda request: request.headers.get("content-type", "").startswith("application/json"),
            415,
            "Send application/scim+json.",
        ),
        EVERYTHING,
        google="GOOG-02",
        okta="OKTA-40",
        rfc="R-HTTP-07",
    ),
    fault(
        "unknown-urn-refused",
        "A URN in schemas that the server does not know is a 400.",
        refusing(wrong.unknown_refused, 400, "Unknown schema.", "invalidValue"),
        EVERYTHING,
        entra="ENTRA-51",
        google="GOOG-04",
        onelogin="OL-02",
    ),
    fault(
        "read-only-refused",
        "groups in the body of a user is a 400.",
        refusing(
            lambda request: is_write(request) and "groups" in body_of(request), 400, "groups is readOnly.", "mutability"
        ),
        EVERYTHING,
        okta="OKTA-04 OKTA-07",
    ),
    fault(
        "external-id-forgotten",
        "externalId is not shown.",
        showing(lambda resource: without(resource, "externalId")),
        "matching create read update deactivation groups membership",
        entra="ENTRA-04 ENTRA-10",
        rippling="RIP-01",
    ),
    fault(
        "nulls-refused",
        "A null in a new user is a 400.",
        refusing(
            lambda request: is_to("POST", "Users")(request) and wrong.has_leaf(request, None),
            400,
            "The value must not be null.",
            "invalidValue",
        ),
        "create",
        entra="ENTRA-12",
    ),
    fault(
        "text-primary-refused",
        "A new user with primary as a text is a 400.",
        refusing(
            lambda request: is_to("POST", "Users")(request) and wrong.has_leaf(request, "True"),
            400,
            "primary must be a boolean.",
            "invalidValue",
        ),
        "create update",
        entra="ENTRA-13",
    ),
    fault(
        "created-active",
        "A user that is created inactive is active.",
        where(is_to("POST", "Users"), writing(lambda body: {**body, "active": True} if "active" in body else body)),
        "create deactivation matching paging",
        ping="PING-03",
    ),
    fault(
        "active-as-text",
        "active is shown as a text.",
        showing(lambda resource: {**resource, "active": str(resource["active"])} if "active" in resource else resource),
        EVERYTHING,
        entra="ENTRA-10",
        okta="OKTA-40 OKTA-10",
    ),
    fault(
        "one-element-as-object",
        "A list of one e-mail is shown as an object.",
        showing(wrong.single_emails_bare),
        EVERYTHING,
        entra="ENTRA-10",
        okta="OKTA-40",
    ),
    fault(
        "delete-405",
        "Users cannot be deleted.",
        refusing(is_to("DELETE", "Users"), 405, "Method not allowed."),
        "connection create update deletion groups membership versions bulk errors authentication",
        entra="ENTRA-62",
        google="GOOG-06",
        jumpcloud="JC-01",
        onelogin="OL-04",
        rfc="R-DEL-01",
    ),
)

PATCHES: Final = (
    fault(
        "success-without-effect",
        "A PATCH succeeds and changes nothing.",
        wrong.patch_without_effect,
        "discovery matching read update deactivation deletion groups membership paging versions errors",
        entra="ENTRA-20 ENTRA-21 ENTRA-53 ENTRA-54 ENTRA-55",
        okta="OKTA-09 OKTA-24",
        rfc="R-PATCH-42",
    ),
    fault(
        "previous-state-answered",
        "A PATCH answers with what was there before.",
        wrong.previous_state_answered,
        "update deactivation groups membership versions",
        okta="OKTA-10",
        rfc="R-PATCH-56",
    ),
    fault(
        "false-read-as-true",
        'The text "False" is read as true.',
        reading(wrong.false_as_true),
        "matching read update deactivation groups membership paging errors",
        entra="ENTRA-21",
    ),
    fault(
        "text-boolean-refused",
        "A boolean that is a text is a 400.",
        refusing(
            having(lambda one: path(one) == "active" and isinstance(one.get("value"), str)),
            400,
            "active must be a boolean.",
            "invalidValue",
        ),
        "matching read update deactivation groups membership paging errors",
        entra="ENTRA-21",
    ),
    fault(
        "path-demanded",
        "A PATCH operation without a path is a 400.",
        refusing(having(lambda one: not path(one)), 400, "path is missing.", "invalidPath"),
        "matching read update deactivation groups membership paging errors",
        entra="ENTRA-41",
        okta="OKTA-09 OKTA-23",
        rfc="R-PATCH-41",
    ),
    fault(
        "operation-by-case",
        "An op in capitals is a 400.",
        refusing(having(lambda one: one.get("op") != verb(one)), 400, "Unknown op.", "invalidSyntax"),
        "matching read update deactivation deletion groups membership paging errors authentication",
        entra="ENTRA-20 ENTRA-21 ENTRA-55",
    ),
    fault(
        "value-path-demands-a-match",
        "A value path that matches nothing is a 400.",
        wrong.typed_path_without_match,
        "update",
        entra="ENTRA-22",
    ),
    fault(
        "list-rewritten",
        "A value path rewrites the list, and its other elements are lost.",
        reading(wrong.list_rewritten),
        "update",
        entra="ENTRA-22",
        rfc="R-PATCH-48",
    ),
    fault(
        "name-replaced-whole",
        "Replacing a part of a name takes the rest away.",
        reading(wrong.name_replaced_whole),
        "update",
        entra="ENTRA-34",
        sailpoint="SP-03",
        rfc="R-PATCH-45",
    ),
    fault(
        "dotted-keys-forgotten",
        "Keys with a dot or a URN in a value without a path have no effect.",
        reading(wrong.flat_keys_forgotten),
        "update",
        entra="ENTRA-41",
    ),
    fault(
        "manager-text-refused",
        "A manager that is a text is a 400.",
        refusing(
            having(lambda one: path(one).endswith("manager") and isinstance(one.get("value"), str)),
            400,
            "manager must be an object.",
            "invalidValue",
        ),
        "update",
        entra="ENTRA-28",
    ),
    fault(
        "patch-half-done",
        "What comes before a refused operation stays done.",
        wrong.one_by_one,
        "update membership groups",
        rfc="R-PATCH-12",
    ),
    fault(
        "no-change-400",
        "A PATCH that changes nothing is a 400.",
        wrong.no_change_refused,
        "matching read update deactivation groups membership paging versions errors",
        clients="X-04",
        rfc="R-PATCH-27",
    ),
    fault(
        "empty-patch-accepted",
        "A PATCH without operations is a success.",
        where(
            lambda request: request.method == "PATCH" and (body_of(request) or {}).get("Operations") == [],
            wrong.patch_without_effect,
        ),
        "update errors",
        clients="X-06",
        rfc="R-PATCH-02",
    ),
    fault(
        "user-patch-405",
        "Users cannot be changed by PATCH.",
        refusing(is_to("PATCH", "Users"), 405, "Method not allowed."),
        "matching read update deactivation deletion groups membership paging versions errors authentication",
        entra="ENTRA-20 ENTRA-21",
        okta="OKTA-09",
    ),
    fault(
        "equal-id-refused",
        "The id of the group in a PATCH of it is a 400.",
        refusing(
            having(lambda one: isinstance(one.get("value"), dict) and "id" in one["value"]),
            400,
            "id is readOnly.",
            "mutability",
        ),
        "groups membership update",
        okta="OKTA-23",
    ),
    fault(
        "operations-backwards",
        "Operations are done from the last to the first.",
        where(
            lambda request: bool(operations_of(request)),
            asking(lambda request: with_operations(request, operations_of(request)[::-1])),
        ),
        "update membership groups",
        entra="ENTRA-56",
        rfc="R-PATCH-11",
    ),
    fault(
        "path-cut-at-a-dot",
        "The path of an extension attribute is a 400.",
        refusing(having(lambda one: path(one).startswith("urn:")), 400, "Invalid path.", "invalidPath"),
        "update",
        entra="ENTRA-20 ENTRA-32",
        rfc="R-PATCH-06",
    ),
    fault(
        "text-in-filter-refused",
        'A path with primary eq "True" is a 400.',
        refusing(having(lambda one: 'primary eq "' in path(one)), 400, "primary is a boolean.", "invalidFilter"),
        "update",
        entra="ENTRA-25",
    ),
    fault(
        "manager-list-refused",
        "A manager that is a list of one is a 400.",
        refusing(
            having(lambda one: path(one).endswith("manager") and isinstance(one.get("value"), list)),
            400,
            "manager must be an object.",
            "invalidValue",
        ),
        "update",
        entra="ENTRA-29",
    ),
    fault(
        "element-removed-for-a-part",
        "Removing a sub-attribute removes the element.",
        reading(wrong.whole_element_removed),
        "update",
        rfc="R-PATCH-36",
    ),
)

GROUPS: Final = (
    fault(
        "filter-empties-the-group",
        "A remove of members[value eq ...] removes everybody.",
        reading(wrong.filter_removes_everybody),
        "update groups membership",
        entra="ENTRA-55",
        okta="OKTA-24",
        rfc="R-PATCH-35",
    ),
    fault(
        "list-empties-the-group",
        "A remove of members with a list of values removes everybody.",
        reading(wrong.list_removes_everybody),
        "membership groups",
        entra="ENTRA-55",
        jumpcloud="JC-03",
    ),
    fault(
        "filter-removes-nobody",
        "A remove of members[value eq ...] is a success without effect.",
        reading(wrong.filter_removes_nobody),
        "update groups membership",
        entra="ENTRA-55",
        okta="OKTA-24",
        rfc="R-PATCH-35",
    ),
    fault(
        "list-removes-nobody",
        "A remove of members with a list of values is a success without effect.",
        reading(wrong.list_removes_nobody),
        "membership groups",
        entra="ENTRA-55",
        jumpcloud="JC-03",
    ),
    fault(
        "member-lost",
        "Of several members that are sent at once the last is lost.",
        reading(wrong.last_member_lost),
        "deletion groups membership",
        entra="ENTRA-54",
        okta="OKTA-25",
        rfc="R-PATCH-26",
    ),
    fault(
        "members-written-whole",
        "Members are read, changed and written back without a lock.",
        wrong.read_then_written,
        "membership",
        clients="X-01",
    ),
    fault(
        "hundred-members",
        "A group shows a hundred members at most.",
        showing(wrong.hundred_members),
        "membership groups paging",
        clients="X-02",
    ),
    fault(
        "member-doubled",
        "Who is added again is in the group twice.",
        wrong.Doubled(),
        "membership groups",
        entra="ENTRA-54",
    ),
    fault(
        "member-known-409",
        "Adding a member again is a 409.",
        wrong.member_known,
        "update groups membership",
        entra="ENTRA-54",
        rfc="R-PATCH-27",
    ),
    fault(
        "member-unknown-404",
        "Removing who is no member is a 404.",
        wrong.member_unknown,
        "membership groups",
        entra="ENTRA-55",
        okta="OKTA-24",
    ),
    fault(
        "strangers-ignored",
        "Adding an id that nobody has is a success without effect.",
        wrong.strangers_ignored,
        "membership groups",
        clients="X-03",
    ),
    fault(
        "strangers-empty-the-group",
        "Replacing the members by an id that nobody has empties the group, then answers 400.",
        wrong.strangers_empty_the_group,
        "membership groups",
        clients="X-03",
    ),
    fault(
        "put-adds-members",
        "A PUT of a group removes nobody.",
        wrong.put_adds_members,
        "update groups membership",
        okta="OKTA-22",
        rfc="R-PUT-03",
    ),
    fault(
        "display-refused",
        "A member with a display name is a 400.",
        refusing(
            wrong.displays_a_member,
            400,
            "display is readOnly.",
            "mutability",
        ),
        "update deactivation groups membership",
        okta="OKTA-22",
    ),
    fault(
        "inactive-leave-groups",
        "Who is made inactive leaves all groups.",
        wrong.memberships_of_inactive_dropped,
        "membership deactivation",
        entra="ENTRA-59",
    ),
    fault(
        "empty-groups-taken-as-written",
        "A PUT of a user with an empty list of groups takes it out of all.",
        wrong.empty_groups_taken_as_written,
        "update membership deactivation groups",
        okta="OKTA-07",
    ),
    fault(
        "group-patch-405",
        "Groups cannot be changed by PATCH.",
        refusing(is_to("PATCH", "Groups"), 405, "Method not allowed."),
        "groups membership deletion errors",
        entra="ENTRA-53 ENTRA-54 ENTRA-55",
        onelogin="OL-03",
    ),
    fault(
        "null-display-refused",
        "A member whose display name is null is a 400.",
        refusing(wrong.displays_nobody, 400, "display must be a text.", "invalidValue"),
        "groups membership",
        clients="X-07",
    ),
)

VERSIONS: Final = (
    fault(
        "stale-version-accepted",
        "If-Match is ignored, and a stale version is overwritten.",
        asking(lambda request: without_header(request, "if-match")),
        "versions",
        rfc="R-ETAG-06",
    ),
    fault(
        "always-sent-again",
        "If-None-Match is ignored.",
        asking(lambda request: without_header(request, "if-none-match")),
        "versions",
        rfc="R-ETAG-05",
    ),
    fault(
        "one-version",
        "The version never changes.",
        then(showing(wrong.version_one), wrong.never_changing_version),
        "versions bulk",
        rfc="R-ETAG-04",
    ),
    fault(
        "no-version",
        "Answers have no ETag.",
        answering(lambda said: with_header(said, "etag", None)),
        "versions",
        rfc="R-ETAG-02",
    ),
)

BULK: Final = (
    fault(
        "bulk-cut",
        "Bulk operations after the second are not done.",
        where(is_to("POST", "Bulk"), asking(wrong.bulk_cut)),
        "bulk",
        rfc="R-BULK-07",
    ),
    fault(
        "bulk-references-unresolved",
        "A bulkId in a value is kept as text.",
        where(is_to("POST", "Bulk"), asking(wrong.bulk_references_unresolved)),
        "bulk",
        rfc="R-BULK-12",
    ),
    fault(
        "bulk-goes-on",
        "failOnErrors is ignored.",
        where(is_to("POST", "Bulk"), writing(lambda body: without(body, "failOnErrors"))),
        "bulk",
        rfc="R-BULK-08",
    ),
    fault(
        "bulk-without-locations",
        "The results of bulk operations do not say where.",
        where(is_to("POST", "Bulk"), saying(wrong.without_locations)),
        "bulk",
        rfc="R-BULK-09",
    ),
)

DISCOVERY: Final = (
    fault(
        "no-group-schema",
        "/Schemas leaves out the Group schema.",
        where(is_to("GET", "Schemas", parts=1), saying(wrong.without_group_schema)),
        "discovery",
        entra="ENTRA-71",
        rfc="R-DISC-09",
    ),
    fault(
        "schemas-without-schemas",
        "The schemas in /Schemas have no schemas.",
        where(is_to("GET", "Schemas"), showing(lambda schema: without(schema, "schemas"))),
        "discovery read",
        clients="CL-02",
        rfc="R-DISC-14",
    ),
    fault(
        "no-canonical-types",
        "/Schemas does not say which types there are.",
        wrong.schemas_changed(wrong.without_canonical_types),
        "discovery",
        entra="ENTRA-71",
    ),
    fault(
        "nulls-in-schemas",
        "/Schemas has null members.",
        wrong.schemas_changed(wrong.with_nulls),
        "discovery",
        entra="ENTRA-70",
    ),
    fault(
        "no-single-schema",
        "A single schema or resource type is a 404.",
        refusing(
            lambda request: len(parts_of(request)) == 2 and parts_of(request)[0] in ("Schemas", "ResourceTypes"),
            404,
            "There is no such address.",
        ),
        "discovery",
        sailpoint="SP-01",
        rfc="R-DISC-03 R-DISC-05",
    ),
    fault(
        "no-bulk-limits",
        "ServiceProviderConfig leaves out the limits of bulk.",
        where(is_to("GET", "ServiceProviderConfig"), saying(wrong.without_bulk_limits)),
        "discovery bulk connection",
        clients="CL-01",
        rfc="R-SPC-01",
    ),
    fault(
        "no-configuration",
        "There is no ServiceProviderConfig.",
        refusing(is_to("GET", "ServiceProviderConfig"), 404, "There is no such address."),
        "discovery connection versions authentication",
        entra="ENTRA-73",
        rippling="RIP-02",
        sailpoint="SP-01",
        clients="CL-01",
        rfc="R-DISC-01",
    ),
    fault(
        "types-as-array",
        "/ResourceTypes is a bare array.",
        where(
            is_to("GET", "ResourceTypes", parts=1),
            answering(lambda said: with_json(said, said.json()["Resources"]) if said.is_success else said),
        ),
        "discovery connection read paging",
        sailpoint="SP-01",
        rfc="R-DISC-04",
    ),
)

FAULTS: Final = (*ANSWERS, *LISTS, *USERS, *PATCHES, *GROUPS, *VERSIONS, *BULK, *DISCOVERY)
