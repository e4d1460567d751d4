"""Mistakes in the lists of 0Gate's sessions and customers: order, pages, filters, and whose rows they show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from conformance.sandbox.calls import Call, Reply
from conformance.sandbox.faults import gate_seams, seams
from conformance.sandbox.gate import customers, paging, sessions
from conformance.sandbox.variations import Patch, fault

ONE_MORE_PER_PAGE = ("LIMIT :rows", "LIMIT :rows OFFSET 1")
LAST_ROW_AGAIN = ("seq < :before", "seq <= :before")


@fault(
    "gate-sessions-oldest-first",
    summary="Sessions are listed oldest first",
    fact="gate facts section 7: sessions are listed newest first",
    klass="lists",
    breaks=("GATE-SESSION-LIST",),
    drags=("GATE-SESSION-STATUS-FILTER", "GATE-SESSION-PAGES"),
)
def gate_sessions_oldest_first(patch: Patch) -> None:
    gate_seams.requery(patch, sessions, "list_page", *gate_seams.OLDEST_FIRST)


@fault(
    "gate-sessions-open-only",
    summary="The list holds open sessions only, whatever its filter asks for",
    fact="gate facts section 4.A: the list is of the partner's sessions; status filters by each of the four",
    klass="lists",
    breaks=("GATE-SESSION-STATUS-FILTER",),
    drags=("GATE-SESSION-LIST", "GATE-SESSION-PAGES"),
)
def gate_sessions_open_only(patch: Patch) -> None:
    gate_seams.requery(patch, sessions, "list_page", ("owner = :owner", "owner = :owner AND status = 'open'"))


@fault(
    "gate-sessions-list-lags",
    summary="The list is read from a copy that is one session behind",
    fact="gate facts section 7: sessions are listed newest first",
    klass="lists",
    breaks=("GATE-SESSION-LIST",),
    drags=("GATE-SESSION-PAGES", "GATE-SESSION-STATUS-FILTER"),
)
def gate_sessions_list_lags(patch: Patch) -> None:
    newest = "(SELECT MAX(seq) FROM gate_sessions newest WHERE newest.owner = :owner)"
    gate_seams.requery(patch, sessions, "list_page", ("owner = :owner", f"owner = :owner AND seq < {newest}"))


@fault(
    "gate-sessions-list-nameless",
    summary="The list of sessions does not say that it is a list",
    fact="gate facts section 3: object of the list envelope is always list",
    klass="lists",
    breaks=("GATE-SESSION-LIST",),
    drags=("WIRE-BODY", "GATE-SESSION-PAGES", "GATE-SESSION-STATUS-FILTER"),
)
def gate_sessions_list_nameless(patch: Patch) -> None:
    seams.amend(patch, sessions, "list_page", lambda reply: seams.with_members(reply, object="gate_sessions"))


@fault(
    "gate-sessions-skip-at-page-end",
    summary="The first session of every further page is left out",
    fact="gate facts section 4.A: starting_after returns the items after the last one",
    klass="lists",
    breaks=("GATE-SESSION-PAGES",),
    drags=("GATE-SESSION-STATUS-FILTER", "GATE-SESSION-LIST"),
)
def gate_sessions_skip_at_page_end(patch: Patch) -> None:
    gate_seams.requery_if(patch, sessions, "list_page", gate_seams.turns_page, ONE_MORE_PER_PAGE)


@fault(
    "gate-sessions-repeat-at-page-end",
    summary="Every further page begins with the last session of the one before",
    fact="gate facts section 4.A: starting_after returns the items after the last one",
    klass="lists",
    breaks=("GATE-SESSION-PAGES",),
    drags=("GATE-SESSION-STATUS-FILTER", "GATE-SESSION-LIST"),
)
def gate_sessions_repeat_at_page_end(patch: Patch) -> None:
    gate_seams.requery_if(patch, sessions, "list_page", gate_seams.turns_page, LAST_ROW_AGAIN)


@fault(
    "gate-sessions-first-page-only",
    summary="has_more is false however many sessions are left",
    fact="gate facts sections 3 and 7: has_more tells whether to go on",
    klass="lists",
    breaks=("GATE-SESSION-PAGES",),
    drags=("GATE-SESSION-STATUS-FILTER", "GATE-SESSION-LIST"),
)
def gate_sessions_first_page_only(patch: Patch) -> None:
    seams.amend(patch, sessions, "list_page", lambda reply: seams.with_members(reply, has_more=False))


@fault(
    "gate-sessions-never-end",
    summary="has_more is true to the last page, and after it the list begins anew",
    fact="gate facts sections 3 and 7: has_more tells whether to go on",
    klass="lists",
    breaks=("GATE-SESSION-PAGES",),
    drags=("GATE-SESSION-STATUS-FILTER", "GATE-SESSION-LIST"),
)
def gate_sessions_never_end(patch: Patch) -> None:
    healthy = sessions.list_page

    def list_page(call: Call) -> Reply:
        page = healthy(call)
        if page.body["data"] == []:
            page = healthy(replace(call, query=without_cursor(call)))
        return seams.with_members(page, has_more=True)

    patch.replace(sessions, "list_page", list_page)


@fault(
    "gate-sessions-cursor-ignored",
    summary="Every page is the first one",
    fact="gate facts section 4.A: starting_after returns the items after the last one",
    klass="lists",
    breaks=("GATE-SESSION-PAGES",),
    drags=("GATE-SESSION-STATUS-FILTER", "GATE-SESSION-LIST", "GATE-ISOLATION-LISTS"),
)
def gate_sessions_cursor_ignored(patch: Patch) -> None:
    healthy = sessions.list_page
    patch.replace(sessions, "list_page", lambda call: healthy(replace(call, query=without_cursor(call))))


@fault(
    "gate-sessions-limit-ignored",
    summary="Every page of sessions has up to a hundred rows",
    fact="gate facts section 4.A: limit 1 to 100, default 10",
    klass="lists",
    breaks=("GATE-SESSION-PAGES",),
    drags=("GATE-SESSION-STATUS-FILTER", "GATE-SESSION-LIST"),
)
def gate_sessions_limit_ignored(patch: Patch) -> None:
    patch.replace(sessions, "paging", seams.module_with(paging, read_limit=lambda query: paging.MAX_LIMIT))


@fault(
    "gate-sessions-page-one-longer",
    summary="A page of sessions has one row more than asked for",
    fact="gate facts section 4.A: limit is the size of a page",
    klass="lists",
    breaks=("GATE-SESSION-PAGES",),
    drags=("GATE-SESSION-STATUS-FILTER", "GATE-SESSION-LIST"),
)
def gate_sessions_page_one_longer(patch: Patch) -> None:
    def read_limit(query: Mapping[str, str]) -> int:
        return paging.read_limit(query) + 1

    patch.replace(sessions, "paging", seams.module_with(paging, read_limit=read_limit))


@fault(
    "gate-sessions-status-ignored",
    summary="The status filter of the sessions is read and forgotten",
    fact="gate facts section 4.A: status filters the list",
    klass="lists",
    breaks=("GATE-SESSION-STATUS-FILTER",),
)
def gate_sessions_status_ignored(patch: Patch) -> None:
    gate_seams.requery(patch, sessions, "list_page", (":status IS NULL OR status = :status", ":status = :status OR 1"))


@fault(
    "gate-sessions-filtered-after-paging",
    summary="A page is cut first and filtered then, and the walk ends where a page comes out short",
    fact="gate facts section 4.A: status filters the list, and the cursor walks what is left",
    klass="lists",
    breaks=("GATE-SESSION-STATUS-FILTER",),
)
def gate_sessions_filtered_after_paging(patch: Patch) -> None:
    healthy = sessions.list_page

    def list_page(call: Call) -> Reply:
        wanted = call.query.get("status")
        page = healthy(replace(call, query={name: call.query[name] for name in call.query if name != "status"}))
        rows = page.body["data"]
        if wanted is None or not isinstance(rows, list):
            return page
        kept = [row for row in rows if row["status"] == wanted]
        return seams.with_members(page, data=kept, has_more=bool(page.body["has_more"]) and len(kept) == len(rows))

    patch.replace(sessions, "list_page", list_page)


@fault(
    "gate-sessions-of-everybody",
    summary="The list shows the sessions of all partners",
    fact="gate facts section 4.A: own partner only",
    klass="isolation",
    breaks=("GATE-ISOLATION-LISTS",),
    drags=("GATE-SESSION-LIST", "GATE-SESSION-PAGES"),
)
def gate_sessions_of_everybody(patch: Patch) -> None:
    gate_seams.requery(patch, sessions, "list_page", gate_seams.LISTED_OF_ANYBODY)


@fault(
    "gate-sessions-filter-of-everybody",
    summary="Filtered by status the list shows the sessions of all partners",
    fact="gate facts section 4.A: own partner only",
    klass="isolation",
    breaks=("GATE-ISOLATION-LISTS",),
    drags=("GATE-SESSION-STATUS-FILTER",),
)
def gate_sessions_filter_of_everybody(patch: Patch) -> None:
    gate_seams.requery_if(
        patch, sessions, "list_page", lambda call: "status" in call.query, gate_seams.LISTED_OF_ANYBODY
    )


@fault(
    "gate-sessions-cursor-carries-owner",
    summary="A cursor that names another partner's session goes on in that partner's list",
    fact="gate facts section 1.3: a credential sees only objects of its own account",
    klass="isolation",
    breaks=("GATE-ISOLATION-LISTS",),
)
def gate_sessions_cursor_carries_owner(patch: Patch) -> None:
    healthy = sessions.list_page

    def list_page(call: Call) -> Reply:
        with call.sandbox.store.read() as tx:
            row = tx.execute(
                "SELECT owner FROM gate_sessions WHERE session_id = ?", (call.query.get("starting_after"),)
            ).fetchone()
        return healthy(call if row is None else replace(call, owner=row["owner"]))

    patch.replace(sessions, "list_page", list_page)


@fault(
    "gate-customers-oldest-first",
    summary="Customers are listed oldest first",
    fact="gate facts section 7: customers are listed newest first",
    klass="lists",
    breaks=("GATE-CUSTOMER-LIST",),
)
def gate_customers_oldest_first(patch: Patch) -> None:
    gate_seams.requery(patch, customers, "list_page", *gate_seams.OLDEST_FIRST)


@fault(
    "gate-customers-skip-at-page-end",
    summary="The first customer of every further page is left out",
    fact="gate facts section 7: starting_after returns the items after the last one",
    klass="lists",
    breaks=("GATE-CUSTOMER-LIST",),
)
def gate_customers_skip_at_page_end(patch: Patch) -> None:
    gate_seams.requery_if(patch, customers, "list_page", gate_seams.turns_page, ONE_MORE_PER_PAGE)


@fault(
    "gate-customers-repeat-at-page-end",
    summary="Every further page begins with the last customer of the one before",
    fact="gate facts section 7: starting_after returns the items after the last one",
    klass="lists",
    breaks=("GATE-CUSTOMER-LIST",),
)
def gate_customers_repeat_at_page_end(patch: Patch) -> None:
    gate_seams.requery_if(patch, customers, "list_page", gate_seams.turns_page, LAST_ROW_AGAIN)


@fault(
    "gate-customers-first-page-only",
    summary="has_more is false however many customers are left",
    fact="gate facts sections 3 and 7: has_more tells whether to go on",
    klass="lists",
    breaks=("GATE-CUSTOMER-LIST",),
)
def gate_customers_first_page_only(patch: Patch) -> None:
    seams.amend(patch, customers, "list_page", lambda reply: seams.with_members(reply, has_more=False))


@fault(
    "gate-customers-email-ignored",
    summary="The e-mail filter of the customers is read and forgotten",
    fact="gate facts section 4.H: email filters exactly",
    klass="lists",
    breaks=("GATE-CUSTOMER-FILTERS",),
)
def gate_customers_email_ignored(patch: Patch) -> None:
    gate_seams.requery(patch, customers, "list_page", (":email IS NULL OR email = :email", ":email = :email OR 1"))


@fault(
    "gate-customers-reference-in-part",
    summary="The filter for external ids finds every customer whose id begins like it",
    fact="gate facts section 4.H: external_id filters exactly",
    klass="lists",
    breaks=("GATE-CUSTOMER-FILTERS",),
)
def gate_customers_reference_in_part(patch: Patch) -> None:
    change = ("external_id = :external_id", "external_id LIKE :external_id || '%'")
    gate_seams.requery(patch, customers, "list_page", change)


@fault(
    "gate-customers-reference-unfound",
    summary="The filter for external ids compares them with the customer's own id and finds nobody",
    fact="gate facts section 4.H: external_id filters exactly",
    klass="lists",
    breaks=("GATE-CUSTOMER-FILTERS",),
)
def gate_customers_reference_unfound(patch: Patch) -> None:
    change = ("external_id = :external_id", "customer_id = :external_id")
    gate_seams.requery(patch, customers, "list_page", change)


@fault(
    "gate-customers-of-everybody",
    summary="The list shows the customers of all partners",
    fact="gate facts section 4.H: a customer is a partner-scoped record",
    klass="isolation",
    breaks=("GATE-ISOLATION-LISTS",),
    drags=("GATE-CUSTOMER-LIST", "GATE-CUSTOMER-FILTERS"),
)
def gate_customers_of_everybody(patch: Patch) -> None:
    gate_seams.requery(patch, customers, "list_page", gate_seams.LISTED_OF_ANYBODY)


@fault(
    "gate-customers-filter-of-everybody",
    summary="The e-mail filter finds the customers of all partners",
    fact="gate facts section 4.H: a customer is a partner-scoped record",
    klass="isolation",
    breaks=("GATE-ISOLATION-LISTS",),
    drags=("GATE-CUSTOMER-FILTERS",),
)
def gate_customers_filter_of_everybody(patch: Patch) -> None:
    gate_seams.requery_if(
        patch, customers, "list_page", lambda call: "email" in call.query, gate_seams.LISTED_OF_ANYBODY
    )


def without_cursor(call: Call) -> dict[str, str]:
    """The query as that of the first page."""
    return {name: call.query[name] for name in call.query if name != "starting_after"}
