"""The formats that a binding may name: those of the domain, and the lists of words in schemas/formats/.

Which words there are is data, the same on every machine: countries and time zones are none of the code's business,
and what the operating system knows of them differs from host to host.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Final

from scim_server.catalog.files import BUILT_IN
from scim_server.domain.formats import FORMATS, listed
from scim_server.domain.schema import Format

FOLDER: Final = BUILT_IN / "formats"


@cache
def known() -> Mapping[str, Format]:
    """Every format by its name; that of a list is the name of its file."""
    found = [*FORMATS]
    for path in sorted(FOLDER.glob("*.json")):
        words = json.loads(path.read_text(encoding="utf-8"))
        found.append(listed(path.stem, words["expected"], words["values"]))
    return {form.name: form for form in found}
