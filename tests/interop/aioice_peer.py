#!/usr/bin/python3
"""aioice as a program, the counterpart of ice_peer: SDP lines on stdout, the peer's on stdin, one datagram each way, out.

    aioice_peer.py controlling|controlled [all|trickle] [ADDRESS[=STUN-SERVER]] [turn=SERVER,USER,PASSWORD]

Servers are at port 3478.
"""
import asyncio
import sys
import time

try:
    import aioice
    import aioice.ice
except ImportError:
    sys.exit(4)

WORDS = b"aioice was here"
SERVER_PORT = 3478


def say(line: str) -> None:
    print(line, end="\r\n", flush=True)


async def listen(connection: aioice.Connection, known: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := (await reader.readline()).decode().strip():
        if line.startswith("a=ice-ufrag:"):
            connection.remote_username = line.removeprefix("a=ice-ufrag:")
        if line.startswith("a=ice-pwd:"):
            connection.remote_password = line.removeprefix("a=ice-pwd:")
        if line.startswith("a=candidate:"):
            await connection.add_remote_candidate(aioice.Candidate.from_sdp(line.removeprefix("a=candidate:")))
        if line == "a=end-of-candidates":
            await connection.add_remote_candidate(None)
        if connection.remote_password and (connection.remote_candidates or "trickle" in sys.argv):
            known.set()


def make_connection() -> aioice.Connection:
    address, _, stun = next((word for word in sys.argv[1:] if word[0].isdigit()), "127.0.0.1").partition("=")
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: [address]   # it leaves loopback out otherwise
    servers = {"stun_server": (stun, SERVER_PORT)} if stun else {}
    for word in sys.argv[1:]:
        if word.startswith("turn="):
            server, user, password = word.removeprefix("turn=").split(",")
            servers |= {"turn_server": (server, SERVER_PORT), "turn_username": user, "turn_password": password}
    return aioice.Connection(ice_controlling="controlling" in sys.argv, use_ipv6=False, **servers)


async def main() -> int:
    connection = make_connection()
    say(f"a=ice-ufrag:{connection.local_username}")
    say(f"a=ice-pwd:{connection.local_password}")
    await connection.gather_candidates()
    for candidate in connection.local_candidates:
        say(f"a=candidate:{candidate.to_sdp()}")
    say("a=end-of-candidates")
    known = asyncio.Event()
    listening = asyncio.ensure_future(listen(connection, known))
    try:
        await asyncio.wait_for(known.wait(), 10)
        told = time.monotonic()
        await asyncio.wait_for(connection.connect(), 10)
        pair = connection._nominated[1]   # no method tells it
        print(f"selected {pair.local_candidate.type} {pair.remote_candidate.type} after {(time.monotonic() - told) * 1000:.1f} ms",
              file=sys.stderr, flush=True)
        for _ in range(3):
            await connection.send(WORDS)
        print(f"received: {(await asyncio.wait_for(connection.recv(), 5)).decode()}", file=sys.stderr, flush=True)
        await connection.send(WORDS)
        await asyncio.sleep(0.5)
        return 0
    except (asyncio.TimeoutError, ConnectionError) as why:
        print(f"failed: {why!r}", file=sys.stderr, flush=True)
        return 1
    finally:
        listening.cancel()
        await connection.close()


sys.exit(asyncio.run(main()))
