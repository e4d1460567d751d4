"""A webhook handler in Starlette, on the vendor's client library."""

from __future__ import annotations

import uvicorn
from common import SIGNATURE_HEADER, begin, ready
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from zerobit.gate import WebhookSignatureError, WebhooksResource

OPTIONS, SECRET, STORE = begin(__doc__)


async def webhooks(request: Request) -> Response:
    signature = request.headers.get(SIGNATURE_HEADER, "")
    try:
        event = WebhooksResource().construct_event(await request.body(), signature, SECRET)
    except WebhookSignatureError:
        return Response(status_code=400)
    await run_in_threadpool(STORE.take, event)
    return Response(status_code=200)


async def effects(request: Request) -> Response:
    return JSONResponse({"count": STORE.count(request.path_params["event_id"])})


app = Starlette(
    routes=[
        Route("/webhooks", webhooks, methods=["POST"]),
        Route("/effects/{event_id}", effects),
    ]
)


class Server(uvicorn.Server):
    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        await super().startup(sockets)  # type: ignore[arg-type]
        port = self.servers[0].sockets[0].getsockname()[1]
        ready(port, self.stop, with_stdin=OPTIONS.exit_with_stdin)

    def stop(self) -> None:
        self.should_exit = True


if __name__ == "__main__":
    Server(uvicorn.Config(app, port=OPTIONS.port, log_level="critical")).run()
