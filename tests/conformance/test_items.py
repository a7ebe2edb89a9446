"""The list of what a scenario can prove: the connectors' items in their order, then the standard's requirements."""

import json
import re
from collections import Counter
from itertools import groupby
from pathlib import Path
from typing import Any

from tests import requirements

ITEMS = Path(requirements.__file__).parents[1] / "conformance" / "items.json"
FAMILIES = {
    "ENTRA": 68,
    "OKTA": 36,
    "GOOG": 8,
    "OL": 4,
    "JC": 3,
    "PING": 5,
    "RIP": 4,
    "SP": 3,
    "WD": 1,
    "CL": 3,
    "X": 9,
    "NEW": 8,
}
EVIDENCE = {"documented", "reported", "general", "none"}
LONGEST_TITLE = 110

# Pairs, so that an id that stands there twice is seen.
PAIRS: list[tuple[str, dict[str, Any]]] = [
    (id, dict(item)) for id, item in json.loads(ITEMS.read_text(encoding="utf-8"), object_pairs_hook=list)
]
CONNECTORS = [(id, item) for id, item in PAIRS if not id.startswith("R-")]
REQUIREMENTS = [(id, item) for id, item in PAIRS if id.startswith("R-")]


def test_the_connectors_come_first_and_each_id_once() -> None:
    assert [*CONNECTORS, *REQUIREMENTS] == PAIRS
    assert [id for id, times in Counter(id for id, _ in PAIRS).items() if times > 1] == []


def test_the_families_are_complete_and_in_their_order() -> None:
    families = groupby(CONNECTORS, key=lambda pair: pair[0].split("-")[0])
    assert [(name, len(list(members))) for name, members in families] == list(FAMILIES.items())


def test_the_numbers_of_a_family_rise() -> None:
    assert [id for id, _ in CONNECTORS if not re.fullmatch(r"[A-Z]+-\d\d", id)] == []
    families = groupby((id for id, _ in CONNECTORS), key=lambda id: id.split("-")[0])
    assert [name for name, ids in families if (found := list(ids)) != sorted(found)] == []


def test_each_item_of_a_connector_has_a_short_title_and_its_evidence() -> None:
    assert [id for id, item in CONNECTORS if not 0 < len(item["title"]) <= LONGEST_TITLE] == []
    assert [id for id, item in CONNECTORS if item["evidence"] not in EVIDENCE] == []
    assert [id for id, item in CONNECTORS if item.keys() - {"title", "evidence", "not_testable"}] == []


def test_what_cannot_be_tested_says_why_in_one_sentence() -> None:
    reasons = {id: item["not_testable"] for id, item in CONNECTORS if "not_testable" in item}
    assert [id for id, reason in reasons.items() if not re.fullmatch(r"[A-Z][^.]+\.", reason)] == []


def test_the_requirements_are_those_of_the_matrix_word_for_word() -> None:
    rows = [(row.id, {"title": row.text, "level": row.level.value}) for row in requirements.read()]
    assert rows == REQUIREMENTS


def test_the_file_reads_as_a_list_with_an_item_on_each_line() -> None:
    lines = [f"  {json.dumps(id)}: {json.dumps(item, ensure_ascii=False)}" for id, item in PAIRS]
    assert ITEMS.read_text(encoding="utf-8") == "{\n" + ",\n".join(lines) + "\n}\n"
