"""Products with licences and numbers, and what shows their pools: the folder of extensions for tests of both."""

import shutil
from pathlib import Path

ROOT = Path(__file__).parent.parent
SHOWING = ("licences", "okta-entitlements")

DESK = "urn:example:params:scim:schemas:extension:desk:2.0:User"
LICENCE = "urn:ietf:params:scim:schemas:licencing:2.0:Licence"
ENTITLEMENT = "urn:okta:scim:schemas:core:1.0:Entitlement"


def stock_folder(folder: Path) -> Path:
    """The products of tests/data/stock beside the general extensions that show pools, in a new folder."""
    shutil.copytree(ROOT / "tests" / "data" / "stock", folder)
    for name in SHOWING:
        shutil.copytree(ROOT / "extensions" / name, folder / name)
    return folder
