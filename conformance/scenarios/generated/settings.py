"""How Schemathesis is set up: settings under which it is safe at a shared target and the same in every run.

Each stands beside what happens without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CONFIG: Mapping[str, Any] = {
    # Generation in parallel crashes its coverage phase on Python 3.11, and gains nothing here.
    "workers": 1,
    "phases": {
        # Otherwise methods nobody documented, DELETE among them, are really sent.
        "coverage": {"unexpected-methods": []},
        # Otherwise what is generated depends on earlier answers.
        "fuzzing": {"error-feedback": {"enabled": False}, "extra-data-sources": {"responses": False}},
        # Otherwise it follows links it made up from the names of members, beside those the contract states.
        "stateful": {"inference": {"algorithms": []}},
    },
    # Otherwise it may create accounts at the target.
    "auth": {"auto-signup": False},
    # Otherwise one run generates differently from the next.
    "cache": {"enabled": False},
    # Otherwise words of whatever Python code is at hand are drawn as values.
    "analysis": {"constants": {"enabled": False}},
    "generation": {
        # Credentials are the wire's, and what happens without them is a scenario of its own.
        "with-security-parameters": False,
        # NUL is refused by what stands before an API, in whatever form that likes.
        "allow-x00": False,
        # Unknown members and query parameters are tolerated by any API that wants to grow.
        "allow-extra-parameters": False,
    },
    "checks": {
        # Any refusal will do here; whether its status is a documented one is judged on every exchange anyway.
        "negative_data_rejection": {"expected-statuses": ["4xx", "5xx"]},
        "missing_required_header": {"expected-statuses": ["4xx", "5xx"]},
        # The rest is never asked, and off so that nobody has to wonder. The first five would judge an answer against
        # the full view of the contract, in which our guesses stand as demands; every exchange is judged against the
        # judging view instead.
        "not_a_server_error": {"enabled": False},
        "status_code_conformance": {"enabled": False},
        "content_type_conformance": {"enabled": False},
        "response_headers_conformance": {"enabled": False},
        "response_schema_conformance": {"enabled": False},
        # A business rule may refuse what the schema allows: a pool runs dry, a pair is not traded.
        "positive_data_acceptance": {"enabled": False},
        # No source gives a status, nor an Allow header, for a method nobody documented.
        "unsupported_method": {"enabled": False},
        "allow_header_conformance": {"enabled": False},
        # A rejected quote is read on: it has a status. That a rejected one executes is judged with a proof by id.
        "use_after_free": {"enabled": False},
        # A trade may join its lists a moment after the answer that made it; the scenarios wait for it.
        "ensure_resource_availability": {"enabled": False},
        # Keys and foreign partners have a matrix of their own, in which each cell says what is expected.
        "ignored_auth": {"enabled": False},
        "object_level_authorization": {"enabled": False},
    },
}
