"""A webhook handler in Django, on the vendor's client library and its helper for Django."""

from __future__ import annotations

import logging
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from common import begin, ready
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from zerobit.gate import GateClient, WebhookSignatureError
from zerobit.gate.integrations.django import construct_event_from_request

OPTIONS, SECRET, STORE = begin(__doc__)

# The client wants a key although a webhook handler sends nothing with it.
CLIENT = GateClient(api_key="sk_test_never_sent_anywhere")

settings.configure(ALLOWED_HOSTS=["127.0.0.1"], ROOT_URLCONF=__name__, LOGGING_CONFIG=None)


@csrf_exempt
@require_POST
def webhooks(request: HttpRequest) -> HttpResponse:
    try:
        event = construct_event_from_request(CLIENT, request, SECRET)
    except WebhookSignatureError:
        return HttpResponse(status=400)
    STORE.take(event)
    return HttpResponse(status=200)


def effects(_request: HttpRequest, event_id: str) -> HttpResponse:
    return JsonResponse({"count": STORE.count(event_id)})


urlpatterns = [path("webhooks", webhooks), path("effects/<event_id>", effects)]


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 64


class Quiet(WSGIRequestHandler):
    def log_message(self, *_args: object) -> None:
        """Say nothing: standard output carries the ready line."""


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    server = Server(("127.0.0.1", OPTIONS.port), Quiet)
    server.set_app(get_wsgi_application())
    ready(server.server_port, server.shutdown, with_stdin=OPTIONS.exit_with_stdin)
    server.serve_forever(poll_interval=0.1)
