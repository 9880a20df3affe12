"""The local page and its JSON interface."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib.resources import files
from threading import BoundedSemaphore
from typing import Any
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from mtorsim.describe.drawing import as_svg
from mtorsim.errors import MtorsimError
from mtorsim.files.library import Library

from .answers import Answers
from .choices import choices, node_card
from .question import Question, read_numbers, read_question

__all__ = ["make_app"]

MOST_BODY = 64 * 1024
"""Largest request body, bytes."""
MOST_WAITING = 32
"""Requests that compute or wait at once; further ones are told to come again."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}


def make_app(library: Library, hosts: frozenset[str], workers: int = 2) -> ASGIApp:
    """Make the application.

    Parameters
    ----------
    library
        Where models are looked up.
    hosts
        Names under which it may be addressed; a request with another Host or Origin is refused, so that no other page
        in the browser can use it.
    workers
        Number of threads that compute.
    """
    api = _Api(Answers(library, workers))
    static = StaticFiles(directory=str(files("mtorsim.web") / "static"), html=True)
    routes = [
        Route("/api/choices", api.choices),
        Route("/api/run", api.run, methods=["GET", "POST"]),
        Route("/api/ahead", api.ahead),
        Route("/api/ogtt", api.ogtt),
        Route("/api/why", api.why),
        Route("/api/people", api.people),
        Route("/api/classes", api.classes),
        Route("/api/diagram", api.diagram),
        Route("/api/node", api.node),
        Route("/api/scenario", api.scenario),
        Mount("/", static),
    ]
    return _Guard(Starlette(routes=routes, exception_handlers={MtorsimError: _told}), hosts)


class _Api:
    """Handlers of the JSON interface."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.seats = BoundedSemaphore(MOST_WAITING)

    async def choices(self, request: Request) -> Response:
        """What can be chosen, with labels and limits."""
        return JSONResponse(choices())

    async def run(self, request: Request) -> Response:
        """Courses of one person."""
        return await self._answer(request, self.answers.course)

    async def ahead(self, request: Request) -> Response:
        """Courses for other values of one key, computed to be there when they are asked for."""
        given = dict(request.query_params)
        key, values = given.pop("key", ""), read_numbers(given.pop("values", ""))
        question = read_question(given)
        return await self._answer(request, lambda q: self.answers.ahead(q, key, values), question)

    async def ogtt(self, request: Request) -> Response:
        """An oral glucose test at the end."""
        return await self._answer(request, self.answers.oral_test)

    async def why(self, request: Request) -> Response:
        """Shares of the effect among the mechanisms."""
        return await self._answer(request, self.answers.why)

    async def diagram(self, request: Request) -> Response:
        """The mechanism as SVG."""
        question = await _question(request)
        await run_in_threadpool(self.answers.plan, question)
        diagram = await run_in_threadpool(self.answers.diagram, question)
        return Response(as_svg(diagram, interactive=True), media_type="image/svg+xml")

    async def node(self, request: Request) -> Response:
        """The equation, parameters and sources of a node."""
        given = dict(request.query_params)
        name = given.pop("name", "")
        question = read_question(given)
        return JSONResponse(await run_in_threadpool(node_card, self.answers.plan(question).model, name))

    async def scenario(self, request: Request) -> Response:
        """The scenario file."""
        question = await _question(request)
        await run_in_threadpool(self.answers.plan, question)
        text = (await run_in_threadpool(question.scenario, self.answers.library)).text
        headers = {"Content-Disposition": 'attachment; filename="patient.toml"'}
        return PlainTextResponse(text, headers=headers)

    async def people(self, request: Request) -> Response:
        """A small population, a line for some patients."""
        return await self._lines(request, self.answers.people)

    async def classes(self, request: Request) -> Response:
        """Drugs at equal inhibition of mTORC1, a line for each."""
        return await self._lines(request, self.answers.classes)

    async def _lines(self, request: Request, answer: Callable[[Question], Iterator[dict[str, Any]]]) -> Response:
        """An answer that comes in parts, a line of JSON for each."""
        question = await _question(request)
        if not self.seats.acquire(blocking=False):
            return _busy()

        def lines() -> Iterator[bytes]:
            try:
                for part in answer(question):
                    yield json.dumps(part).encode() + b"\n"
            except MtorsimError as error:
                yield json.dumps(_error(error)).encode() + b"\n"
            finally:
                self.seats.release()

        return StreamingResponse(lines(), media_type="application/x-ndjson")

    async def _answer(
        self, request: Request, answer: Callable[[Question], Mapping[str, Any]], question: Question | None = None
    ) -> Response:
        """Compute an answer on a thread, if one is free soon."""
        question = question or await _question(request)
        if not self.seats.acquire(blocking=False):
            return _busy()
        try:
            return JSONResponse(await run_in_threadpool(partial(answer, question)))
        finally:
            self.seats.release()


async def _question(request: Request) -> Question:
    """The question of the address, or of a JSON body."""
    if request.method == "GET":
        return read_question(dict(request.query_params))
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_BODY:
            raise MtorsimError(f"the request is larger than {MOST_BODY // 1024} kB")
    try:
        given = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise MtorsimError(
            "the request is not JSON", help='send for example {"drug": "everolimus", "dose": 5}'
        ) from None
    if not isinstance(given, dict):
        raise MtorsimError("the request must be a JSON object")
    return read_question(given)


def _error(error: MtorsimError) -> dict[str, Any]:
    return {"error": error.message, "help": error.help}


async def _told(request: Request, error: Exception) -> Response:
    """One clear message."""
    assert isinstance(error, MtorsimError)
    return JSONResponse(_error(error), status_code=400)


def _busy() -> Response:
    message = {"error": "too many requests at once", "help": "try again in a moment"}
    return JSONResponse(message, status_code=503, headers={"Retry-After": "1"})


class _Guard:
    """Refuses foreign hosts and origins, and adds headers to every answer."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str]) -> None:
        self.app, self.hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if reason := self._foreign(scope):
            await PlainTextResponse(reason, status_code=403)(scope, receive, send)
            return

        async def with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                more = [(k.lower().encode(), v.encode()) for k, v in HEADERS.items()]
                message = {**message, "headers": [*message.get("headers", []), *more]}
            await send(message)

        await self.app(scope, receive, with_headers)

    def _foreign(self, scope: Scope) -> str | None:
        """Why a request is refused; None if it is not."""
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        if _name(f"//{headers.get('host', '')}") not in self.hosts:
            return "this page answers to its own address only"
        origin = headers.get("origin")
        if origin is not None and _name(origin) not in self.hosts:
            return "this page answers to itself only, not to other pages"
        return None


def _name(address: str) -> str:
    """The host in an address, without its port."""
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""
