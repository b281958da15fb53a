"""The program behind `stripe_peer`: localstripe, with Checkout, the Customer Portal, events and idempotency added.

Run as `python -m tests.peers.stripe_program PORT`. localstripe (GPL-3) keeps customers, cards and payment intents,
and declines cards; what is added takes its shapes from Stripe's published fixtures. Buttons that a person or Stripe
itself would press are under `/_config/`, which needs no key.
"""

import copy
import hashlib
import hmac
import json
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from localstripe.resources import Customer, PaymentIntent, PaymentMethod
from localstripe.server import app, get_post_data, unflatten_data

FIXTURES: dict[str, Any] = json.loads((Path(__file__).parent / "stripe_fixtures.json").read_text())
GOOD_CARD = "4242424242424242"
MONTH_SECONDS = 30 * 24 * 3600

sessions: dict[str, dict[str, Any]] = {}
subscriptions: dict[str, dict[str, Any]] = {}
events: list[dict[str, Any]] = []  # oldest first
answers: dict[str, tuple[Any, int, Any]] = {}  # by Idempotency-Key: the request, and its answer
endpoint: dict[str, str] = {}
portals: dict[str, str] = {}  # by customer: where the Portal leads back to


def shape(name: str, prefix: str, **values: Any) -> dict[str, Any]:
    made = {"id": f"{prefix}_{uuid.uuid4().hex}", "created": int(time.time())}
    return dict(copy.deepcopy(FIXTURES[name]) | made | values)


# --- events ---------------------------------------------------------------------------------------


async def tell(kind: str, thing: dict[str, Any], *, delivers: bool = True, times: int = 1) -> list[int]:
    """Makes an event and delivers it; the statuses that came back."""
    event = shape("event", "evt", type=kind, data={"object": copy.deepcopy(thing)})
    events.append(event)
    if not delivers or not endpoint.get("url"):
        return []
    body = json.dumps(event).encode()
    at = int(time.time())
    digest = hmac.new(endpoint["secret"].encode(), b"%d." % at + body, hashlib.sha256).hexdigest()
    headers = {"Stripe-Signature": f"t={at},v1={digest}", "Content-Type": "application/json"}
    async with aiohttp.ClientSession() as client:
        statuses = []
        for _ in range(times):
            async with client.post(endpoint["url"], data=body, headers=headers) as response:
                statuses.append(response.status)
    return statuses


async def list_events(request: web.Request) -> web.Response:
    query = unflatten_data(request.query)
    since = int(query.get("created", {}).get("gte", 0))
    newest_first = [event for event in reversed(events) if event["created"] >= since]
    if after := query.get("starting_after"):
        newest_first = newest_first[[event["id"] for event in newest_first].index(after) + 1 :]
    page = newest_first[: int(query.get("limit", 10))]
    more = len(newest_first) > len(page)
    return web.json_response({"object": "list", "url": "/v1/events", "data": page, "has_more": more})


async def set_endpoint(request: web.Request) -> web.Response:
    """Where events go from now on; the earlier ones, another test's, are forgotten."""
    endpoint.update(await request.json())
    events.clear()
    return web.Response()


# --- Checkout and Portal --------------------------------------------------------------------------


async def create_session(request: web.Request) -> web.Response:
    data = await get_post_data(request)
    item = data["line_items"][0]
    amount = int(item["price_data"]["unit_amount"]) * int(item.get("quantity", 1))
    session = shape(
        "checkout.session", "cs_test",
        mode=data["mode"], status="open", payment_status="unpaid", amount_total=amount, amount_subtotal=amount,
        currency=item["price_data"]["currency"], client_reference_id=data.get("client_reference_id"),
        customer=data.get("customer"), metadata=data.get("metadata") or {}, success_url=data["success_url"],
        cancel_url=data["cancel_url"], payment_intent=None, invoice=None,
    )  # fmt: skip
    session["url"] = f"http://{request.host}/_config/checkout/{session['id']}"
    sessions[session["id"]] = session | {"_request": data}
    return web.json_response(session)


PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>
  :root {{ color-scheme: light dark; }}
  body {{ font: 1.125rem/1.5 system-ui; max-width: 28rem; margin: 4rem auto; padding: 0 1rem; }}
  button {{ font: inherit; font-weight: 600; padding: .75rem 1.5rem; margin: .25rem 0; cursor: pointer; }}
</style>
<h1>{title}</h1>
{body}
<p><small>A stand-in for Stripe on this machine: no card is asked for and no money moves.</small></p>
</html>"""


def page_response(title: str, body: str) -> web.Response:
    return web.Response(text=PAGE.format(title=title, body=body), content_type="text/html")


async def show_session(request: web.Request) -> web.Response:
    session = sessions[request.match_info["id"]]
    price = f"{session['amount_total'] / 100:.2f} {session['currency'].upper()}"
    body = f'<form method="post"><button>Pay</button></form><p><a href="{session["cancel_url"]}">Back</a></p>'
    return page_response(f"Pay {price}", body)


async def show_portal(request: web.Request) -> web.Response:
    """What the Customer Portal does for a subscription, a button each."""
    words = {"cancel": "Cancel at the end of the month", "renew": "A month goes by", "fail": "The card fails"}
    words |= {"recover": "The card works again", "end": "The subscription ends"}
    mine = [row for row in subscriptions.values() if row["customer"] == request.match_info["customer"]]
    forms = [
        f'<form method="post" action="/_config/subscription/{row["id"]}?do={do}"><button>{word}</button></form>'
        for row in mine
        for do, word in words.items()
    ]
    back = portals.get(request.match_info["customer"]) or "/"
    return page_response("Your subscription", "".join(forms) + f'<p><a href="{back}">Back</a></p>')


async def pay_session(request: web.Request) -> web.Response:
    """As the customer's click does. Query: status (paid, unpaid), delivers, times, card, tax."""
    query = request.query
    stored = sessions[request.match_info["id"]]
    wanted = stored["_request"]
    delivers, times = query.get("delivers", "1") == "1", int(query.get("times", 1))
    customer = stored["customer"] or Customer._api_create().id
    stored |= {"customer": customer, "status": "complete", "payment_status": query.get("status", "paid")}
    stored["amount_total"] = stored["amount_subtotal"] + int(query.get("tax", 0))
    is_browser = request.headers.get("Accept", "").startswith("text/html")
    if stored["mode"] == "subscription":
        answer = await start_subscription(stored, delivers)
        if is_browser:
            raise web.HTTPSeeOther(stored["success_url"])
        return answer
    if stored["payment_intent"] is None:
        stored["payment_intent"] = f"pi_{uuid.uuid4().hex}"
    visible = {name: value for name, value in stored.items() if name != "_request"}
    statuses = await tell("checkout.session.completed", visible, delivers=delivers, times=times)
    if stored["payment_status"] == "paid":
        await tell_intent(stored, delivers, query.get("card", GOOD_CARD))
    if is_browser:
        raise web.HTTPSeeOther(stored["success_url"])
    return web.json_response({"statuses": statuses, "payment_intent": stored["payment_intent"], "wanted": wanted})


async def tell_intent(session: dict[str, Any], delivers: bool, card: str) -> None:
    wanted = session["_request"].get("payment_intent_data") or {}
    method = PaymentMethod._api_create(
        type="card", card={"number": card, "exp_month": "12", "exp_year": "2040", "cvc": "123"}
    )
    PaymentMethod._api_attach(method.id, customer=session["customer"])
    intent = shape(
        "payment_intent", "pi",
        amount=session["amount_total"], amount_received=session["amount_total"], currency=session["currency"],
        customer=session["customer"], payment_method=method.id, status="succeeded",
        metadata=wanted.get("metadata") or {}, setup_future_usage=wanted.get("setup_future_usage"),
    )  # fmt: skip
    intent["id"] = session["payment_intent"]
    await tell("payment_intent.succeeded", intent, delivers=delivers)


async def pay_late(request: web.Request) -> web.Response:
    """A bank transfer that arrived. Query: kind (succeeded, failed)."""
    stored = sessions[request.match_info["id"]]
    kind = request.query.get("kind", "succeeded")
    stored["payment_status"] = "paid" if kind == "succeeded" else "unpaid"
    visible = {name: value for name, value in stored.items() if name != "_request"}
    return web.json_response(await tell(f"checkout.session.async_payment_{kind}", visible))


async def create_portal(request: web.Request) -> web.Response:
    data = await get_post_data(request)
    Customer._api_retrieve(data["customer"])  # a 404 when there is none
    session = shape("billing_portal.session", "bps", customer=data["customer"], return_url=data.get("return_url"))
    session["url"] = f"http://{request.host}/_config/portal/{data['customer']}"
    portals[data["customer"]] = data.get("return_url", "")
    return web.json_response(session)


# --- subscriptions --------------------------------------------------------------------------------


async def start_subscription(session: dict[str, Any], delivers: bool) -> web.Response:
    wanted = session["_request"]
    subscription_id = session["subscription"] or f"sub_{uuid.uuid4().hex}"
    session["subscription"] = subscription_id
    now = int(time.time())
    subscription = shape(
        "subscription", "sub", customer=session["customer"], status="active",
        metadata=wanted["subscription_data"]["metadata"], cancel_at=None, cancel_at_period_end=False,
    )  # fmt: skip
    subscription["id"] = subscription_id
    item = subscription["items"]["data"][0]
    item |= {"current_period_start": now, "current_period_end": now + MONTH_SECONDS, "subscription": subscription_id}
    item["price"] |= {"unit_amount": session["amount_subtotal"], "currency": session["currency"]}
    subscriptions[subscription_id] = subscription
    visible = {name: value for name, value in session.items() if name != "_request"}
    await tell("checkout.session.completed", visible, delivers=delivers)
    await tell("customer.subscription.created", subscription, delivers=delivers)
    await bill(subscription, "subscription_create", delivers)
    return web.json_response({"subscription": subscription_id})


async def bill(subscription: dict[str, Any], reason: str, delivers: bool = True) -> str:
    """A paid invoice for the current period; its payment's id."""
    item = subscription["items"]["data"][0]
    amount, currency = item["price"]["unit_amount"], item["price"]["currency"]
    intent_id = f"pi_{uuid.uuid4().hex}"
    invoice = shape(
        "invoice", "in",
        billing_reason=reason, currency=currency, subtotal=amount, amount_paid=amount, total=amount, status="paid",
        customer=subscription["customer"], hosted_invoice_url="https://invoice.stripe.com/i/test",
        parent={
            "type": "subscription_details", "quote_details": None,
            "subscription_details": {"subscription": subscription["id"], "metadata": subscription["metadata"]},
        },
    )  # fmt: skip
    line = invoice["lines"]["data"][0]
    line["period"] = {"start": item["current_period_start"], "end": item["current_period_end"]}
    line["parent"]["type"] = "subscription_item_details"
    line["parent"]["subscription_item_details"]["proration"] = False
    line["pricing"]["price_details"] = {"price": item["price"]["id"], "product": item["price"]["product"]}
    await tell("invoice.paid", invoice, delivers=delivers)
    paid = shape(
        "invoice_payment", "inpay",
        invoice=invoice["id"], status="paid", payment={"type": "payment_intent", "payment_intent": intent_id},
    )  # fmt: skip
    await tell("invoice_payment.paid", paid, delivers=delivers)
    return intent_id


def no_such_subscription() -> web.Response:
    problem = {"type": "invalid_request_error", "code": "resource_missing", "message": "No such subscription"}
    return web.json_response({"error": problem}, status=404)


async def cancel_subscription(request: web.Request) -> web.Response:
    """As a server of ours asks for it, at once."""
    subscription = subscriptions.get(request.match_info["id"])
    if subscription is None or subscription["status"] == "canceled":
        return no_such_subscription()
    subscription["status"] = "canceled"
    await tell("customer.subscription.deleted", subscription)
    return web.json_response(subscription)


async def update_subscription(request: web.Request) -> web.Response:
    """As a server of ours asks for it; the SDK sends forms."""
    subscription = subscriptions.get(request.match_info["id"])
    if subscription is None or subscription["status"] == "canceled":
        return no_such_subscription()
    subscription["cancel_at_period_end"] = (await request.post())["cancel_at_period_end"] == "true"
    await tell("customer.subscription.updated", subscription)
    return web.json_response(subscription)


async def change_subscription(request: web.Request) -> web.Response:
    """What time or the Portal does, told or not (is_told=0).

    Query: do (change, with price and amount; renew, fail, recover, cancel, end).
    """
    subscription = subscriptions[request.match_info["id"]]
    item = subscription["items"]["data"][0]
    intent_id = None
    match request.query["do"]:
        case "renew":
            item["current_period_start"] = item["current_period_end"]
            item["current_period_end"] += MONTH_SECONDS
            intent_id = await bill(subscription, "subscription_cycle")
        case "change":
            item["price"] |= {"id": request.query["price"], "unit_amount": int(request.query["amount"])}
        case "fail":
            subscription["status"] = "past_due"
        case "recover":
            subscription["status"] = "active"
        case "cancel":
            subscription["cancel_at_period_end"] = True
        case "end":
            subscription["status"] = "canceled"
    kind = "deleted" if request.query["do"] == "end" else "updated"
    if request.query.get("is_told", "1") == "1":
        await tell(f"customer.subscription.{kind}", subscription)
    if request.headers.get("Accept", "").startswith("text/html"):
        raise web.HTTPSeeOther(f"/_config/portal/{subscription['customer']}")
    return web.json_response({"payment_intent": intent_id})


# --- charging a kept card -------------------------------------------------------------------------


async def create_intent(request: web.Request) -> web.Response:
    """localstripe's own, which knows neither a description nor what was received."""
    data = await get_post_data(request)
    data.pop("description", None)
    if PaymentMethod._api_retrieve(data["payment_method"]).customer != data["customer"]:
        error = {"type": "invalid_request_error", "message": "It was detached from its Customer."}
        return web.json_response({"error": error}, status=400)
    intent = PaymentIntent._api_create(**data)
    answer = intent._export() | {"amount_received": intent.amount if intent.status == "succeeded" else 0}
    if intent.status == "succeeded":
        await tell("payment_intent.succeeded", shape("payment_intent", "pi") | json.loads(json.dumps(answer)))
    return web.json_response(answer)


# --- money that goes back -------------------------------------------------------------------------


async def send_back(request: web.Request) -> web.Response:
    """Body: kind of the event, and the charge or dispute as it is then."""
    data = await request.json()
    name = "dispute" if "dispute" in data["kind"] else "charge"
    return web.json_response(await tell(data["kind"], shape(name, name) | data["object"]))


@web.middleware
async def idempotency(request: web.Request, handler: Any) -> web.StreamResponse:
    """https://docs.stripe.com/api/idempotent_requests"""
    key = request.headers.get("Idempotency-Key")
    if key is None or request.method != "POST":
        return await handler(request)  # type: ignore[no-any-return]
    body = await request.read()
    if key in answers:
        known, status, answer = answers[key]
        if known != body:
            error = {"type": "idempotency_error", "message": "Keys can only be used with the same parameters."}
            return web.json_response({"error": error}, status=400)
        return web.Response(
            body=answer, status=status, content_type="application/json", headers={"Idempotent-Replayed": "true"}
        )
    response = await handler(request)
    answers[key] = (body, response.status, response.body)
    return response  # type: ignore[no-any-return]


@web.middleware
async def instead_of_theirs(request: web.Request, handler: Any) -> web.StreamResponse:
    """What localstripe has, too, but not as the SDK needs it."""
    ours = {("GET", "/v1/events"): list_events, ("POST", "/v1/payment_intents"): create_intent}
    if request.path.startswith("/v1/subscriptions/"):
        handler = {"DELETE": cancel_subscription, "POST": update_subscription}.get(request.method, handler)
    return await ours.get((request.method, request.path), handler)(request)  # type: ignore[no-any-return]


def main(port: int) -> None:
    routes = app.router
    routes.add_post("/v1/checkout/sessions", create_session)
    routes.add_post("/v1/billing_portal/sessions", create_portal)
    routes.add_post("/_config/endpoint", set_endpoint)
    routes.add_get("/_config/checkout/{id}", show_session)
    routes.add_post("/_config/checkout/{id}", pay_session)
    routes.add_get("/_config/portal/{customer}", show_portal)
    routes.add_post("/_config/late/{id}", pay_late)
    routes.add_post("/_config/subscription/{id}", change_subscription)
    routes.add_post("/_config/back", send_back)
    app.middlewares.insert(0, idempotency)
    app.middlewares.append(instead_of_theirs)  # past localstripe's own errors and keys
    web.run_app(app, host="127.0.0.1", port=port, print=None)


if __name__ == "__main__":
    main(int(sys.argv[1]))
