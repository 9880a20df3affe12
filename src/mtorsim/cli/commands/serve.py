"""`mtorsim serve`: the local page."""

from __future__ import annotations

import socket
from pathlib import Path

import click

from mtorsim.cli.options import library, library_of
from mtorsim.errors import ArgumentError

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, metavar="NAME", help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="Port; 0 for a free one.")
@click.option("--once", is_flag=True, help="Print the address and serve until the standard input closes, for scripts.")
@library
def command(host: str, port: int, once: bool, folders: tuple[Path, ...]) -> int:
    """Serve a page on this machine on which one patient can be explored.

    \b
      mtorsim serve
      mtorsim serve --port 0 --once
      curl 'http://127.0.0.1:8765/api/run?drug=everolimus&dose=5&weeks=12'

    The page is open to this machine only, unless --host says otherwise. It fetches nothing from elsewhere.
    """  # noqa: D301
    try:
        import uvicorn

        from mtorsim.web.app import make_app
    except ModuleNotFoundError as lacking:
        help = "install them with `pip install 'mtorsim[web]'`"
        raise ArgumentError(f"the page needs libraries that are not installed: {lacking.name}", help=help) from None
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        # Listening before the address is printed: whoever reads it can connect at once.
        listener.listen(256)
    except OSError as problem:
        listener.close()
        help = "stop what listens there, or choose another with --port"
        raise ArgumentError(f"cannot listen on {host}:{port}: {problem.strerror or problem}", help=help) from None
    at = listener.getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    app = make_app(library_of(None, folders), frozenset({*LOOPBACK, host.lower()}))
    print(f"http://{shown}:{at}/", flush=True)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, timeout_keep_alive=20))
    if once:
        _stop_with_input(server)
    server.run(sockets=[listener])
    return 0


def _stop_with_input(server: object) -> None:
    """Stop the server when the standard input closes."""
    import sys
    import threading

    def wait() -> None:
        sys.stdin.read()
        server.should_exit = True  # pyright: ignore[reportAttributeAccessIssue]

    threading.Thread(target=wait, daemon=True).start()
