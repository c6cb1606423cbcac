#!/usr/bin/env python3
"""A TCP relay in front of a server that holds back what the server says: whoever meets there is told everything later.

    late_server.py LISTEN-ADDRESS:PORT SERVER-ADDRESS:PORT SECONDS

Prints "ready" when it listens.
"""
import asyncio
import sys


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, later: float) -> None:
    loop = asyncio.get_running_loop()
    while data := await reader.read(65536):
        loop.call_later(later, writer.write, data)
    loop.call_later(later, writer.close)


async def serve(server: tuple[str, str], later: float, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    from_server, to_server = await asyncio.open_connection(*server)
    await asyncio.gather(carry(reader, to_server, 0), carry(from_server, writer, later), return_exceptions=True)


async def main() -> None:
    listen, server = (word.rsplit(":", 1) for word in sys.argv[1:3])
    later = float(sys.argv[3])
    async with await asyncio.start_server(lambda reader, writer: serve(server, later, reader, writer), *listen) as listener:
        print("ready", flush=True)
        await listener.serve_forever()


asyncio.run(main())
