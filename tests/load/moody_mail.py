"""A mail server with moods, which a file names: `python -m tests.load.moody_mail PORT FILE MOOD`.

takes: every mail, as `bench.sink` does; refuses: everybody, for now; slow: takes a mail and answers after a while;
loses: takes a mail, then closes the connection instead of answering.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import IO, Any

from aiosmtpd.smtp import SMTP

from bench.sink import Sink

SLOW_SECONDS = 3


class Moody(Sink):
    def __init__(self, file: IO[str], mood: Path) -> None:
        super().__init__(file)
        self.mood = mood

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if self.mood.read_text() == "refuses":
            return "451 not today"
        envelope.mail_from = address
        return "250 go on"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        answer = await super().handle_DATA(server, session, envelope)
        mood = self.mood.read_text()
        if mood == "slow":
            await asyncio.sleep(SLOW_SECONDS)
        if mood == "loses":
            server.transport.abort()
        return answer


async def serve(port: int, path: Path, mood: Path) -> None:
    with path.open("a", encoding="utf-8") as file:
        sink = Moody(file, mood)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: SMTP(sink, enable_SMTPUTF8=True), "127.0.0.1", port)
        async with server:
            await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])))
