"""CSV files: the resources of a tenant written as rows, and rows made into resources, through the use cases.

    cells       one cell: guarded against formulas, lists inside of it, text and JSON values
    files       a file: encoding, delimiter, quoting, line numbers; rows in and rows out
    columns     a header becomes a column: the attribute that it means, and its value in a resource
    layout      the columns of a file: its header, a mapping file, values for every row
    rows        a row becomes a body of a create, or the operations of what differs
    directory   one tenant's resources, as the use cases give and take them
    exporting   resources to rows
    importing   rows to resources, in batches
    earlier     which key has been on which line
    rejects     the rows that were refused, to be mended
    faults      what is wrong with a file as a whole

Whatever holds for a request holds for a row: it is created and changed by the use cases that requests are.
"""

from scim_server.sheets.directory import Directory
from scim_server.sheets.exporting import Export, Selected
from scim_server.sheets.faults import SheetError
from scim_server.sheets.files import BOM, DELIMITERS, Row, Sheet
from scim_server.sheets.importing import Import, Outcome, Result, Watcher
from scim_server.sheets.layout import Wishes, read_mapping
from scim_server.sheets.rejects import Rejects

__all__ = [
    "BOM",
    "DELIMITERS",
    "Directory",
    "Export",
    "Import",
    "Outcome",
    "Rejects",
    "Result",
    "Row",
    "Selected",
    "Sheet",
    "SheetError",
    "Watcher",
    "Wishes",
    "read_mapping",
]
