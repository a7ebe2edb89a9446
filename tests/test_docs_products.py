"""The page of each product shows its profile as it is, and maps attributes as an identity provider can."""

import re
from pathlib import Path

import pytest

from scim_server import catalog
from scim_server.domain.attrpath import AttrPath, BoundPath, bind
from scim_server.domain.dialect import STRICT, Leniency
from scim_server.domain.filter import ValuePath
from scim_server.domain.schema import ResourceType
from scim_server.filtering import parse_path
from scim_server.profiles.decisions import TypeRules
from scim_server.profiles.rules import Fixed

pytestmark = pytest.mark.unmeasured
"""What they run of the server, other tests run too: coverage need not follow."""

ROOT = Path(__file__).parents[1]
EXTENSIONS = ROOT / "extensions"
CATALOGUE = catalog.load(EXTENSIONS)
PRODUCTS = sorted(
    path.parent.name for path in EXTENSIONS.glob("*/profile.toml") if path.parent.name != "contact-centre"
)
ROW = re.compile(r"^\| (.*) \|$", re.MULTILINE)


def page(product: str) -> str:
    return (ROOT / "docs/products" / f"{product}.md").read_text(encoding="utf-8")


def user_of(product: str) -> ResourceType:
    found = CATALOGUE.of(product).named("User")
    assert found is not None
    return found


def fixed_of(product: str) -> set[str]:
    """What stays as every user was created."""
    rules = user_of(product).rules
    assert isinstance(rules, TypeRules)
    return {rule.target.text for rule in rules.rules if isinstance(rule, Fixed) and rule.where is None}


def rows(product: str, heading: str) -> list[list[str]]:
    """The rows of the table under a heading, the first one aside, which names the columns."""
    (section,) = re.findall(rf"^## {heading}$(.*?)^(?:## |- )", page(product), re.MULTILINE | re.DOTALL)
    found = [[cell.strip(" `") for cell in row.split("|")] for row in ROW.findall(section)]
    assert len(found) > 3
    return found[1:]


def bound(product: str, text: str) -> BoundPath:
    parsed = parse_path(text, Leniency(STRICT))
    path = AttrPath(parsed.path.name, parsed.sub, parsed.path.urn) if isinstance(parsed, ValuePath) else parsed
    found = bind(path, user_of(product))
    assert found is not None, f"{product} has no {text}"
    return found


@pytest.mark.parametrize("product", PRODUCTS)
def test_the_page_shows_the_profile_from_its_first_line_to_its_last(product: str) -> None:
    shown = "\n\n".join(block.strip() for block in re.findall(r"```toml\n(.*?)```", page(product), re.DOTALL))
    assert shown == (EXTENSIONS / product / "profile.toml").read_text(encoding="utf-8").strip()


@pytest.mark.parametrize("product", PRODUCTS)
def test_entra_is_told_to_map_what_it_can_write_and_when(product: str) -> None:
    mapped = {}
    for _, target, kind, apply, _ in rows(product, "Mappings in Entra ID"):
        path = bound(product, target)
        assert kind in ("Direct", "Expression", "Constant")
        assert not path.attribute.is_read_only, target
        assert path.extension is None or not (path.leaf.multi_valued or path.leaf.is_complex), target
        mapped[target] = apply
    fixed = fixed_of(product)
    assert mapped == {target: "Only during object creation" if target in fixed else "Always" for target in mapped}
    assert [cells[1] for cells in rows(product, "Mappings in Entra ID") if cells[4] == "1"] == ["userName"]


@pytest.mark.parametrize("product", PRODUCTS)
def test_okta_is_told_to_map_what_it_can_write_and_when(product: str) -> None:
    fixed = {'emails[type eq "work"].value' if "emails" in text else text for text in fixed_of(product)}
    for _, name, urn, kind, apply in rows(product, "Mappings in Okta"):
        target = f"{urn}:{name}" if urn else {"email": 'emails[type eq "work"].value'}.get(name, name)
        path = bound(product, target)
        assert not path.attribute.is_read_only, target
        assert kind == (str(path.leaf.type) if urn else "built in"), target
        assert apply == ("Create" if target in fixed else "Create and update"), target


def test_every_product_has_a_page_that_the_readme_links_to() -> None:
    pages = {path.stem for path in (ROOT / "docs/products").glob("*.md")}
    assert len(PRODUCTS) == 5
    assert pages == set(PRODUCTS)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [product for product in PRODUCTS if f"(docs/products/{product}.md)" not in readme] == []
    assert "(docs/profiles.md)" in readme
