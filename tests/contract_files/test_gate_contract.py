"""What the 0Gate contract says of its operations: who may call them, which answers and members are stated.

Its events are tested in the module beside it.
"""

import pytest

from .documents import ROOT, Node, follow, load, operations, parameters, resolve, responses, validator, walk

GATE = load(ROOT / "openapi" / "gate-v1.yaml")
SCHEMAS: Node = GATE["components"]["schemas"]

EVERYWHERE = "401 403 429 5XX"

# area: operation, method, path, statuses a source states beyond EVERYWHERE, statuses that are guesses
TABLE = {
    "Sessions": [
        ("createSession", "post", "/gate_sessions", "400 409", "200 201 404 413 415 422 501"),
        ("listSessions", "get", "/gate_sessions", "200", "400 404"),
        ("retrieveSession", "get", "/gate_sessions/{id}", "200 404", "400"),
        ("cancelSession", "post", "/gate_sessions/{id}/cancel", "201 404 409", "400"),
    ],
    "Capabilities": [
        ("listCountries", "get", "/capabilities/countries", "200", "400"),
        ("listCurrencies", "get", "/capabilities/currencies", "200", "400"),
        ("listAssets", "get", "/capabilities/assets", "200", "400"),
        ("getAsset", "get", "/capabilities/assets/{symbol}", "200 404", "400"),
        ("listPaymentMethods", "get", "/capabilities/payment-methods", "200", "400"),
        ("listPayoutMethods", "get", "/capabilities/payout-methods", "200", "400"),
        ("checkEligibility", "get", "/capabilities/eligibility", "200", "400"),
    ],
    "Quotes": [("previewQuotes", "post", "/quotes/preview", "400", "200 201 404 409 413 415 422 501")],
    "Transactions": [
        ("listTransactions", "get", "/transactions", "200", "400 404"),
        ("retrieveTransaction", "get", "/transactions/{refid}", "200 404", "400"),
    ],
    "Embed": [("createEmbedToken", "post", "/embed/bootstrap", "400", "200 201 404 409 410 413 415 422")],
    "Branding": [
        ("getBranding", "get", "/branding", "200", "400"),
        ("updateBranding", "patch", "/branding", "400", "200 409 413 415 422"),
    ],
    "Webhooks": [
        ("listPartnerWebhookDeliveries", "get", "/webhooks/deliveries", "200", "400"),
        ("replayWebhookDelivery", "post", "/webhooks/deliveries/{id}/replay", "400 404", "200 201 409"),
        ("sendTestWebhook", "post", "/webhooks/test", "400", "200 201 409"),
    ],
    "Customers": [
        ("createCustomer", "post", "/customers", "400 409", "200 201 413 415 422 501"),
        ("listCustomers", "get", "/customers", "200", "400 404 501"),
        ("getCustomer", "get", "/customers/{id}", "200 404", "400 501"),
        ("updateCustomer", "patch", "/customers/{id}", "400 404", "200 409 413 415 422 501"),
        ("deleteCustomer", "delete", "/customers/{id}", "200 404", "400 409 501"),
    ],
    "Rails": [
        ("lockQuote", "post", "/quotes", "400", "200 201 404 409 413 415 422 501"),
        ("retrieveSignedQuote", "get", "/quotes/{id}", "200 404", "400 501"),
        ("createPayIn", "post", "/rails/pay_ins", "400 409", "200 201 402 404 413 415 422 501"),
        ("retrievePayIn", "get", "/rails/pay_ins/{id}", "200 404", "400 501"),
        ("createPayOut", "post", "/rails/pay_outs", "400 409", "200 201 402 404 413 415 422 501"),
        ("retrievePayOut", "get", "/rails/pay_outs/{id}", "200 404", "400 501"),
    ],
}
ROWS = [row for rows in TABLE.values() for row in rows]
KEY_WANTED = {"createSession", "createCustomer", "createPayIn", "createPayOut"}
KEY_WITHOUT_EFFECT = {"replayWebhookDelivery", "sendTestWebhook"}

# schema: members that must be there on any server, members that are there only in our full view or by our guess
MEMBERS = {
    "Error": ("type code message request_id doc_url statusCode", ""),
    "ListEnvelope": ("object has_more url", ""),
    "SessionFields": (
        "id object mode amount currency return_url status expires_at",
        "flow user_reference wallet_address quote_preview_id",
    ),
    "CreatedSession": ("client_secret", ""),
    "CreateSessionRequest": ("", "kyc_package"),
    "Country": ("country_code supported", "name default_currency"),
    "Currency": ("code symbol", "name"),
    "Asset": ("symbol active networks", "limits currency"),
    "AssetNetwork": ("chain", "contract_address"),
    "Method": ("id name", ""),
    "Eligibility": ("eligible geo_source", ""),
    "PreviewQuotesRequest": ("currency asset amount side", ""),
    "LockQuoteRequest": ("currency asset amount side payment_method", ""),
    "LockedQuote": (
        "id object status side currency asset payment_method fiat_amount crypto_amount exchange_rate signature",
        "fees expires_at created_at",
    ),
    "Transaction": ("refid session_id action status", "object created_at"),
    "EmbedTokenRequest": ("", ""),
    "EmbedToken": ("embed_token expires_at partner_id mode", "branding"),
    "Branding": ("", ""),
    "UpdateBrandingRequest": ("", ""),
    "WebhookDelivery": ("object id event_id event_type target_url status attempts", "created_at"),
    "Customer": ("id object partner_id mode email kyc_status", "created_at updated_at"),
    "DeletedCustomer": ("id object deleted", ""),
    "CreateCustomerRequest": ("email", ""),
    "UpdateCustomerRequest": ("", ""),
    "RailRequest": ("", ""),
    "PayIn": (
        "id object kind status",
        "quote_id gate_session_id reference metadata currency method failure_reason settled_at created_at",
    ),
    "PayOut": (
        "id object kind status",
        "quote_id gate_session_id reference metadata currency method failure_reason settled_at created_at",
    ),
    "GateEvent": ("id type created_at data", ""),
}


def test_it_is_the_published_revision_on_the_published_hosts() -> None:
    assert GATE["openapi"] == "3.1.0"
    assert (GATE["info"]["title"], GATE["info"]["version"]) == ("Gate API", "2026-05-25")
    assert [server["url"] for server in GATE["servers"]] == [
        "https://gate-api.0bit.app/v1",
        "https://gate-api-sandbox.0bit.app/v1",
    ]


def test_it_has_exactly_the_thirty_one_published_operations_in_their_areas() -> None:
    found = {
        operation["operationId"]: (operation["tags"], method, path) for method, path, _, operation in operations(GATE)
    }
    assert len(found) == 31
    assert found == {row[0]: ([area], row[1], row[2]) for area, rows in TABLE.items() for row in rows}


def test_every_area_is_a_described_tag() -> None:
    assert [tag["name"] for tag in GATE["tags"]] == list(TABLE)
    assert all(tag["description"] for tag in GATE["tags"])


def test_only_the_bootstrap_takes_a_publishable_key_and_it_takes_no_other() -> None:
    takes = {
        operation["operationId"]: operation.get("security", GATE["security"]) for _, _, _, operation in operations(GATE)
    }
    assert takes.pop("createEmbedToken") == [{"publishableKey": []}, {"publishableKeyHeader": []}]
    assert {name: choices for name, choices in takes.items() if choices != [{"secretKey": []}]} == {}


def test_an_idempotency_key_is_wanted_by_four_writes_and_accepted_by_all_that_can_be_repeated() -> None:
    """The vendor's client sends a key with every write; replay and test are stated not to be idempotent."""
    takes = {
        operation["operationId"]: row.get("required", False)
        for method, path, _, operation in operations(GATE)
        for row in parameters(GATE, path, method)
        if row["name"] == "Idempotency-Key"
    }
    writes = {row[0] for row in ROWS if row[1] != "get"}
    assert takes == {name: name in KEY_WANTED for name in writes - KEY_WITHOUT_EFFECT}


def test_refusing_a_write_without_a_key_is_a_guess() -> None:
    assert GATE["components"]["parameters"]["IdempotencyKey"]["x-inferred"] == ["required"]


@pytest.mark.parametrize(
    ("operation_id", "wanted"),
    [
        ("listSessions", {"limit": (1, 100, 10), "starting_after": None, "status": None}),
        ("listCustomers", {"limit": (1, 100, 10), "starting_after": None, "external_id": None, "email": None}),
        ("listPartnerWebhookDeliveries", {"limit": (1, 200, 50), "skip": (0, None, 0), "status": None}),
        ("listTransactions", {"limit": (1, 100, None), "starting_after": None, "status": None, "session_id": None}),
        ("listCountries", {"country_code": None, "supported": None}),
        ("listCurrencies", {"country_code": None}),
        ("listAssets", {"side": (None, None, "on_ramp"), "country_code": None, "currency": None}),
        ("getAsset", {"side": (None, None, "on_ramp"), "country_code": None}),
        ("listPaymentMethods", {"currency": None, "country_code": None}),
        ("listPayoutMethods", {"currency": None, "country_code": None}),
        ("checkEligibility", {"country_code": None, "currency": None, "asset": None}),
    ],
)
def test_a_list_is_paged_and_filtered_by_the_published_words(operation_id: str, wanted: Node) -> None:
    method, path = next(row[1:3] for row in ROWS if row[0] == operation_id)
    found = {row["name"]: row["schema"] for row in parameters(GATE, path, method) if row["in"] == "query"}
    bounds = {
        name: tuple(schema.get(word) for word in ("minimum", "maximum", "default")) for name, schema in found.items()
    }
    assert {name: None if row == (None, None, None) else row for name, row in bounds.items()} == wanted


def test_the_name_of_the_transaction_cursor_is_a_guess_and_that_of_no_other_parameter() -> None:
    guessed = {name for name, row in GATE["components"]["parameters"].items() if row.get("x-basis") == "inferred"}
    assert guessed == {"TransactionCursor"}


@pytest.mark.parametrize(("operation_id", "stated", "guessed"), [(row[0], *row[3:]) for row in ROWS])
def test_stated_and_guessed_statuses_are_told_apart(operation_id: str, stated: str, guessed: str) -> None:
    found = {status: response for name, status, _, response in responses(GATE) if name == operation_id}
    inferred = {status for status, response in found.items() if response.get("x-basis") == "inferred"}
    assert found.keys() - inferred == set(stated.split()) | set(EVERYWHERE.split())
    assert inferred == set(guessed.split())


def test_every_response_names_its_request() -> None:
    lacking = [
        (operation_id, status)
        for operation_id, status, place, response in responses(GATE)
        if "X-Request-Id" not in response.get("headers", {})
        or not follow(GATE, f"{place}/headers/X-Request-Id")[1]["required"]
    ]
    assert not lacking


def test_retry_after_is_offered_with_429_and_never_promised() -> None:
    offers = {
        status: follow(GATE, f"{place}/headers/Retry-After")[1].get("required", False)
        for _, status, place, response in responses(GATE)
        if "Retry-After" in response["headers"]
    }
    assert offers == {"429": False}


@pytest.mark.parametrize(
    "status", ["400", "401", "402", "403", "404", "409", "410", "413", "415", "422", "429", "501", "5XX"]
)
def test_error_bodies_are_the_flat_envelope_and_repeat_their_status(status: str) -> None:
    bodies = {f"{place}/content/application~1json" for _, found, place, _ in responses(GATE) if found == status}
    assert bodies
    for place in bodies:
        judge = validator(GATE, f"{place}/schema")
        for example in resolve(GATE, place)["examples"].values():
            assert not judge.is_valid({**example["value"], "statusCode": 299})
            assert not judge.is_valid({"error": example["value"]})


# -- marks ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MEMBERS)
def test_members_that_are_stated_and_members_that_are_guesses_are_told_apart(name: str) -> None:
    """A member counts as stated if neither its presence nor the member itself is marked as inferred."""
    parts = [part for part in SCHEMAS[name].get("allOf", [SCHEMAS[name]]) if "$ref" not in part]
    members = {key: schema for part in parts for key, schema in part["properties"].items()}
    guessed = {key for key, schema in members.items() if schema.get("x-basis") == "inferred"}
    promised = {
        member
        for part in parts
        for member in part.get("required", [])
        if f"required:{member}" not in part.get("x-inferred", [])
    }
    assert promised - guessed == set(MEMBERS[name][0].split())
    assert guessed == set(MEMBERS[name][1].split())


def test_every_schema_with_members_of_its_own_is_in_the_table() -> None:
    """Lists are tested for what they share; limits, fees and options are described by our guess alone."""
    own = {name for name, schema in SCHEMAS.items() if any("properties" in part for part in parts_of(schema))}
    lists = {name for name in own if {"$ref": "#/components/schemas/ListEnvelope"} in parts_of(SCHEMAS[name])}
    assert own - lists - {"AssetLimits", "QuoteFees", "QuoteOption"} == MEMBERS.keys()


@pytest.mark.parametrize("name", ["AssetLimits", "QuoteFees", "QuotePreview"])
def test_a_schema_no_source_describes_is_reached_through_marked_places_only(name: str) -> None:
    uses = [node for _, node in walk(GATE) if node.get("$ref") == f"#/components/schemas/{name}"]
    within = [node for place, node in walk(GATE) if place.startswith("/components/schemas/QuoteOption/")]
    assert uses
    assert [node for node in uses if node.get("x-basis") != "inferred" and node not in within] == []


@pytest.mark.parametrize("name", ["CountryList", "CurrencyList", "AssetList", "MethodList"])
def test_a_capability_list_never_says_that_more_follows(name: str) -> None:
    page = {"object": "list", "data": [], "has_more": False, "url": "/v1/capabilities/x"}
    judge = validator(GATE, f"/components/schemas/{name}")
    assert judge.is_valid(page)
    assert not judge.is_valid({**page, "has_more": True})


def test_secrets_signatures_and_personal_data_are_marked_sensitive() -> None:
    marked = {
        name
        for _, node in walk(GATE)
        for name, schema in node.get("properties", {}).items()
        if schema.get("x-sensitive") or SCHEMAS.get(schema.get("$ref", "").rsplit("/", 1)[-1], {}).get("x-sensitive")
    }
    assert marked == {
        *("client_secret", "clientSecret", "embed_token", "signature", "kyc_package"),
        *("email", "phone", "first_name", "last_name"),
    }


def test_sensitive_parameters_are_the_address_filter_and_the_signature() -> None:
    rows = GATE["components"]["parameters"].values()
    assert {row["name"] for row in rows if row["schema"].get("x-sensitive")} == {"email", "Gate-Signature"}


# -- flows ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "targets"),
    [
        ("createSession", "retrieveSession cancelSession listTransactions createEmbedToken createPayIn createPayOut"),
        ("retrieveSession", "cancelSession listTransactions"),
        ("cancelSession", "retrieveSession"),
        ("previewQuotes", "lockQuote"),
        ("lockQuote", "retrieveSignedQuote createPayIn createPayOut createSession"),
        ("retrieveSignedQuote", "createPayIn createPayOut"),
        ("createPayIn", "retrievePayIn retrieveSignedQuote retrieveSession"),
        ("createPayOut", "retrievePayOut retrieveSignedQuote retrieveSession"),
        ("createCustomer", "getCustomer updateCustomer deleteCustomer listCustomers"),
        ("getCustomer", "updateCustomer deleteCustomer"),
        ("deleteCustomer", "getCustomer"),
        ("sendTestWebhook", "replayWebhookDelivery"),
        ("listTransactions", "retrieveTransaction retrieveSession listTransactions"),
    ],
)
def test_links_lead_on_along_the_flow(source: str, targets: str) -> None:
    found = {
        follow(GATE, f"{place}/links/{name}")[1]["operationId"]
        for operation_id, _, place, response in responses(GATE)
        if operation_id == source
        for name in response.get("links", {})
    }
    assert found == set(targets.split())


def parts_of(schema: Node) -> list[Node]:
    parts: list[Node] = schema.get("allOf", [schema])
    return parts
