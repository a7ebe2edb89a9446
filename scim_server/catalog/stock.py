"""The tables `[licences]`, `[numbers]`, `[roles]` and `[[events]]` of a profile, bound to their attributes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias, TypeVar

from scim_server.catalog.faults import Fault, Place, one_of, shown
from scim_server.catalog.files import Document
from scim_server.catalog.targets import Targets
from scim_server.domain import compare
from scim_server.domain.schema import AttributeType, Json, Kept, Noted, ResourceType, Returned, Uniqueness
from scim_server.profiles.events import Announcement
from scim_server.profiles.licences import Licences
from scim_server.profiles.numbers import Numbers
from scim_server.profiles.roles import Roles
from scim_server.profiles.rules import Constraint, Rule
from scim_server.profiles.sets import JointSet, LastRemoved
from scim_server.profiles.targets import Target
from scim_server.profiles.teams import Teams

Item: TypeAlias = Mapping[str, Json]
T = TypeVar("T")

PENDING: Final = "pending"
CREATE: Final = "create"

_NO_SECRETS: Final = (AttributeType.BOOLEAN, AttributeType.INTEGER, AttributeType.DECIMAL, AttributeType.DATE_TIME)


class StockBook:
    """What is given out and kept count of, by the name of the resource type; `faults` is what is not right.

    `announcements` are those of what is created, `joins` those of who becomes a member. `flags`, `rules` and `teams`
    are the life-cycle flags, the other rules and the teams of the types.
    """

    def __init__(
        self,
        types: Mapping[str, ResourceType],
        profiles: Sequence[Document],
        flags: Mapping[str, Target],
        rules: Mapping[str, Sequence[Rule]],
        teams: Mapping[str, Teams],
    ) -> None:
        self.faults: list[Fault] = []
        self.licences: dict[str, Licences] = {}
        self.numbers: dict[str, Numbers] = {}
        self.roles: dict[str, Roles] = {}
        self.announcements: dict[str, list[Announcement]] = {}
        self.joins: dict[str, Announcement] = {}
        self._targets = Targets(self.faults)
        self._types = types
        self._flags = flags
        self._rules = rules
        self._teams = teams
        self._shown = [(p.content["pools"], p.place.member("pools")) for p in profiles if "pools" in p.content]
        self._take_table("licences", profiles, self.licences, self._licences)
        self._take_table("numbers", profiles, self.numbers, self._numbers)
        self._take_table("roles", profiles, self.roles, self._roles)
        for resource_type, item, place in self._events(profiles):
            self._take_event(resource_type, item, place)

    def _take_table(
        self,
        table: str,
        profiles: Iterable[Document],
        into: dict[str, T],
        make: Callable[[ResourceType, Item, Place], T | None],
    ) -> None:
        """A table that there is once, in a profile and those that it extends."""
        documents = [profile for profile in profiles if table in profile.content]
        for other in documents[1:]:
            expected = "one such table in a profile and those that it extends"
            self._fault(other.place.member(table), f"there are [{table}] already", expected)
        for profile in documents[:1]:
            item, place = profile.content[table], profile.place.member(table)
            resource_type = self._type(item, place)
            made = make(resource_type, item, place) if resource_type else None
            if made is not None:
                into[item["resource_type"]] = made

    def _type(self, item: Item, place: Place) -> ResourceType | None:
        resource_type = self._types.get(item["resource_type"])
        if resource_type is None:
            problem = f"there is no resource type {shown(item['resource_type'])}"
            self._fault(place.member("resource_type"), problem, one_of(self._types))
        return resource_type

    # Licences --------------------------------------------------------------------------------------------------------

    def _licences(self, resource_type: ResourceType, item: Item, place: Place) -> Licences | None:
        held = self._with_shown(resource_type, self._joint_set(resource_type, item, place))
        flag = self._flags.get(resource_type.name)
        last_removed = self._last_removed(resource_type, item, place)
        pending = self._pending(resource_type, item, place)
        if item.get("freed_when_inactive") and flag is None:
            self._fault_no_flag(place.member("freed_when_inactive"), resource_type)
        if held is None:
            return None
        return Licences(
            held=held,
            pending=pending,
            freed_by=flag if item.get("freed_when_inactive") else None,
            last_removed=last_removed,
            kept_in_put=self._kept_in_put(held, item, place),
            optional=item.get("optional", False),
        )

    def _with_shown(self, resource_type: ResourceType, held: JointSet | None) -> JointSet | None:
        """The set with the attributes in which clients write the ids of what shows the pools."""
        for item, place in self._shown:
            more = self._joint_set(resource_type, item, place) if item.get("attributes") else None
            held = JointSet(held.targets + more.targets) if held and more else held
        return held

    def _pending(self, resource_type: ResourceType, item: Item, place: Place) -> str | None:
        """The path of the attribute that lists the keys without a seat."""
        at, waits = place.member("pending"), item.get("exhausted") == PENDING
        if "pending" not in item:
            if waits:
                self._fault(at, "is missing", "the attribute that lists the keys without a seat")
            return None
        if not waits:
            self._fault(at, 'means nothing where exhausted is not "pending"', "no pending")
        target = self._targets.known(item["pending"], resource_type, at)
        if target is None:
            return None
        derivation = resource_type.derivations.get(target.path.key)
        if not isinstance(derivation, Noted) or not target.path.attribute.multi_valued:
            self._fault(at, f"{target.path.key} lists no notes", "a noted attribute, a string with several values")
        return target.path.key

    def _kept_in_put(self, held: JointSet, item: Item, place: Place) -> frozenset[str]:
        keys = item.get("kept_in_put", ())
        if keys and not any(target.path.attribute.multi_valued for target in held.targets):
            at = place.member("kept_in_put")
            self._fault(at, "no attribute has elements that a PUT could leave out", "an attribute with several values")
        leaf = held.targets[0].leaf
        return frozenset(str(compare.key(leaf, key)) for key in keys)

    # Numbers ---------------------------------------------------------------------------------------------------------

    def _numbers(self, resource_type: ResourceType, item: Item, place: Place) -> Numbers | None:
        target = self._single_text(resource_type, item, "attribute", place)
        name = self._single_text(resource_type, item, "name", place)
        if target is not None and target.leaf.uniqueness is Uniqueness.NONE:
            expected = "an attribute that is unique, since nobody else has the same number"
            self._fault(place.member("attribute"), f"{target.path.key} is not unique", expected)
        if target is None or name is None:
            return None
        return Numbers(
            target=target,
            name=name,
            allocate=item.get("allocate", False),
            days=item.get("quarantine_days", 0),
            optional=item.get("optional", False),
        )

    def _single_text(self, resource_type: ResourceType, item: Item, key: str, place: Place) -> Target | None:
        target = self._targets.writable(item[key], resource_type, place.member(key))
        if target is None:
            return None
        if target.leaf.type is not AttributeType.STRING or target.path.attribute.multi_valued or target.path.sub:
            self._fault(place.member(key), f"{target.path.key} is no text", "a string with one value")
            return None
        return target

    # Roles -----------------------------------------------------------------------------------------------------------

    def _roles(self, resource_type: ResourceType, item: Item, place: Place) -> Roles | None:
        held = self._joint_set(resource_type, item, place)
        last_removed = self._last_removed(resource_type, item, place)
        if held is None:
            return None
        default = item.get("default")
        if default is not None:
            self._check_default(resource_type, held.targets[0], default, place.member("default"))
        return Roles(held, default, last_removed)

    def _check_default(self, resource_type: ResourceType, target: Target, default: str, at: Place) -> None:
        path = target.path
        if target.condition is not None or (path.sub and not path.attribute.multi_valued):
            expected = "an attribute without brackets, or an element's sub-attribute, as the first one"
            self._fault(at, f"{target.text} cannot be given a value", expected)
        for rule in self._rules.get(resource_type.name, ()):
            if isinstance(rule, Constraint) and rule.target.path.key == path.key:
                for test in rule.tests:
                    if not test.fits(default):
                        self._fault(at, f"{shown(default)} breaks a constraint", test.expected)

    # Sets of values --------------------------------------------------------------------------------------------------

    def _joint_set(self, resource_type: ResourceType, item: Item, place: Place) -> JointSet | None:
        """The attributes, if all of them are there; they compare in the same way."""
        listed = [(text, place.member("attributes").element(i)) for i, text in enumerate(item["attributes"])]
        found = [(self._targets.writable(text, resource_type, at), at) for text, at in listed]
        for target, at in found:
            if target is not None and target.leaf.type is not AttributeType.STRING:
                self._fault(at, f"{target.text} is of type {target.leaf.type}", "an attribute of type string")
        targets = tuple(target for target, _ in found if target is not None)
        if len(targets) < len(found) or any(t.leaf.type is not AttributeType.STRING for t in targets):
            return None
        for target, at in found:
            if target is not None and target.leaf.case_exact is not targets[0].leaf.case_exact:
                self._fault(
                    at, f"caseExact is another than that of {targets[0].text}", "one that compares as the first"
                )
        return JointSet(targets)

    def _last_removed(self, resource_type: ResourceType, item: Item, place: Place) -> LastRemoved:
        chosen = LastRemoved(item.get("last_removed", LastRemoved.KEEP))
        if chosen is LastRemoved.DEACTIVATE and resource_type.name not in self._flags:
            self._fault_no_flag(place.member("last_removed"), resource_type)
        return chosen

    def _fault_no_flag(self, at: Place, resource_type: ResourceType) -> None:
        self._fault(at, f"{resource_type.name} cannot be switched off", "a [[lifecycle]] with its flag")

    # Events ----------------------------------------------------------------------------------------------------------

    def _events(self, profiles: Iterable[Document]) -> Iterator[tuple[ResourceType, Item, Place]]:
        for profile in profiles:
            for index, item in enumerate(profile.content.get("events", ())):
                place = profile.place.member("events").element(index)
                resource_type = self._type(item, place)
                if resource_type is not None:
                    yield resource_type, item, place

    def _take_event(self, resource_type: ResourceType, item: Item, place: Place) -> None:
        carried = [self._carried(t, resource_type, place, i) for i, t in enumerate(item.get("carries", ()))]
        unless = None
        if "unless" in item:
            unless = self._targets.named(item["unless"], resource_type, place.member("unless"))
        announcement = Announcement(item["kind"], unless, tuple(target for target in carried if target))
        if item["on"] == CREATE:
            if "attribute" in item:
                self._fault(place.member("attribute"), 'means nothing where on is "create"', "no attribute")
            self.announcements.setdefault(resource_type.name, []).append(announcement)
        else:
            self._take_join(resource_type, item, announcement, place)

    def _take_join(self, resource_type: ResourceType, item: Item, announcement: Announcement, place: Place) -> None:
        if "unless" in item:
            self._fault(place.member("unless"), 'means nothing where on is "join"', "no unless")
        teams = self._teams.get(resource_type.name)
        if teams is None:
            problem = f"nobody looks at who joins a {resource_type.name}"
            self._fault(place.member("resource_type"), problem, "the resource type of [teams]")
        elif item.get("attribute") != teams.members:
            at = place.member("attribute")
            self._fault(at, f"{shown(item.get('attribute', ''))} is not what [teams] looks at", teams.members)
        elif resource_type.name in self.joins:
            self._fault(place, f"who joins a {resource_type.name} is told already", "one such event")
        else:
            self.joins[resource_type.name] = announcement

    def _carried(self, text: str, resource_type: ResourceType, place: Place, index: int) -> Target | None:
        """Nothing that is never shown goes into an event, unless it is not kept and no text: passwords are texts."""
        at = place.member("carries").element(index)
        target = self._targets.named(text, resource_type, at)
        if target is None:
            return None
        shows_never = Returned.NEVER in (target.path.attribute.returned, target.leaf.returned)
        is_harmless = target.path.attribute.kept is Kept.DISCARDED and target.leaf.type in _NO_SECRETS
        if shows_never and not is_harmless:
            expected = f"an attribute that is, or one of type {' or '.join(_NO_SECRETS)} that is not kept"
            self._fault(at, f"{target.path.key} is never returned", expected)
        return target

    def _fault(self, place: Place, problem: str, expected: str) -> None:
        self.faults.append(place.fault(problem, expected))
