"""A mail server that takes everything and writes one line per mail: `python -m bench.sink PORT FILE`.

A line is recipient, tab, subject, tab, second of arrival, written before the sender hears that the mail was taken.
"""

from __future__ import annotations

import asyncio
import sys
import time
from email.header import decode_header, make_header
from email.parser import BytesHeaderParser
from pathlib import Path
from typing import IO, Any

from aiosmtpd.smtp import SMTP


class Sink:
    def __init__(self, file: IO[str]) -> None:
        self.file = file

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        subject = str(make_header(decode_header(BytesHeaderParser().parsebytes(envelope.content)["Subject"] or "")))
        for recipient in envelope.rcpt_tos:
            self.file.write(f"{recipient}\t{subject}\t{time.time():.3f}\n")
        self.file.flush()
        return "250 taken"


async def serve(port: int, path: Path) -> None:
    with path.open("a", encoding="utf-8") as file:
        sink = Sink(file)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: SMTP(sink, enable_SMTPUTF8=True), "127.0.0.1", port)
        async with server:
            await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2])))
