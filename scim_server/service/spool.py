"""The bytes of an answer that is too large for memory: written whole before the first of them is sent.

So whatever goes wrong while they are made is an error of its own and never half an answer, the length is known, and a
client that reads slowly holds neither a connection to the database nor memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from tempfile import SpooledTemporaryFile
from typing import Final

from scim_server.errors import Unavailable

_MEMORY: Final = 1024 * 1024
_CHUNK: Final = 64 * 1024


class Spool:
    """Bytes in memory, or beyond 1 MiB in a file that has no name and that nobody else can read.

    They can be read once. Reading them to their end closes it; otherwise whoever has it does.
    """

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile(_MEMORY)  # noqa: SIM115 it lives as long as the answer
        self._length = 0

    @staticmethod
    def of(texts: Iterable[str]) -> Spool:
        """The texts as UTF-8. Raises Unavailable where there is no room for them."""
        spool = Spool()
        try:
            for text in texts:
                spool._write(text.encode())
        except OSError as error:
            spool.close()
            raise Unavailable("The server has no room for this answer now; try again later.") from error
        except BaseException:
            spool.close()
            raise
        return spool

    def _write(self, data: bytes) -> None:
        self._length += self._file.write(data)

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[bytes]:
        self._file.seek(0)
        while chunk := self._file.read(_CHUNK):
            yield chunk
        self.close()

    def close(self) -> None:
        self._file.close()
