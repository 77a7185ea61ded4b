"""One call to the accounting API from start to end: who, how often, which fault, and what is asked."""

import time
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from xero_sandbox import clock, wire
from xero_sandbox.api import answers, endpoints
from xero_sandbox.api.answers import Answer, Refusal
from xero_sandbox.api.idempotency import keys
from xero_sandbox.api.limits import Lane, limits
from xero_sandbox.api.request import ApiRequest
from xero_sandbox.api.transport import deliver
from xero_sandbox.faults.registry import KINDS, Around, Exchange, Order, orders
from xero_sandbox.models import Connection, Organisation
from xero_sandbox.monitor.call_log import Call, body_digest, call_log
from xero_sandbox.monitor.violations import ViolationMonitor
from xero_sandbox.oauth import scopes, tokens

LARGEST_BODY = 3_500_000
LONGEST_QUERY = 2048
WRITES = ("PUT", "POST")


@csrf_exempt
def accounting_api(request: HttpRequest, path: str) -> HttpResponse:
    """Answer any call under /api.xro/2.0/."""
    return deliver(request, Dispatch(request, path).answer())


class Dispatch:
    """A call in flight. Xero's order: token, organisation, limits; then faults; then the key; then the work."""

    def __init__(self, request: HttpRequest, path: str) -> None:
        self.request = request
        self.method = request.method or ""
        self.path = path.strip("/")
        self.place = endpoints.read_path(self.path)
        self.tenant = request.headers.get("Xero-Tenant-Id", "")
        self.key = request.headers.get("Idempotency-Key", "")
        self.raw = request.body
        self.began = time.monotonic()
        self.lane: Lane | None = None
        self.in_flight = False
        self.call = Call(
            at=clock.now(),
            method=self.method,
            path=self.path,
            query=request.META.get("QUERY_STRING", ""),
            tenant=self.tenant,
            client_id="",
            idempotency_key=self.key,
            body_sha256=body_digest(self.raw) if self.raw else "",
            user_agent=request.headers.get("User-Agent", ""),
        )

    def answer(self) -> Answer:
        """Answer the call, whatever comes of it, and log it."""
        try:
            answer = self._admitted()
        except Refusal as refusal:
            answer = refusal.answer
        finally:
            self.release()
        self.call.status = answer.status
        self.call.seconds = round(time.monotonic() - self.began, 4)
        call_log.log(self.call)
        return self._dressed(answer)

    def release(self) -> None:
        """Take the call off the calls in flight, once."""
        if self.in_flight and self.lane:
            self.in_flight = False
            limits.leave(self.lane)

    def _admitted(self) -> Answer:
        if len(self.call.query) > LONGEST_QUERY:
            raise Refusal(answers.Answer(404, answers.QUERY_TOO_LONG, answers.HTML))
        access, organisation = self._enter()
        if limits.settings.latency_seconds:
            time.sleep(limits.settings.latency_seconds)
        monitor = ViolationMonitor(self.method, self.place.resource, self.place.ident, self.tenant, self.key)
        request = ApiRequest(
            app=access.app,
            organisation=organisation,
            ident=self.place.ident,
            part_ident=self.place.part_ident,
            query=self.request.GET,
            modified_since=self.request.headers.get("If-Modified-Since", ""),
            body=self._read_body(monitor),
        )
        monitor.before(request.query, request.modified_since)
        return self._done(request, monitor)

    def _done(self, request: ApiRequest, monitor: ViolationMonitor) -> Answer:
        order = orders.pick(self.method, self.path)
        if order is None:
            answer = self._carry_out(request, lambda work: work())
            monitor.after(answer, in_doubt=answer.status >= 500)
            return answer
        self.call.fault = order.name
        kind = KINDS[order.name]
        if kind.leaves_doubt:
            # From its beginning: who gave up waiting may look before a call that hangs has come to its end.
            monitor.doubt()
        exchange = self._exchange(request, order)
        answer = kind.strike(exchange)
        # An answer that had nothing to leave out told all.
        if not kind.leaves_doubt or exchange.left_out == 0:
            monitor.after(answer, in_doubt=False)
        elif exchange.left_out:
            monitor.left_some_out(answer)
        return answer

    def _exchange(self, request: ApiRequest, order: Order) -> Exchange:
        return Exchange(
            seconds=order.seconds,
            carry_out=lambda around: self._carry_out(request, around),
            release=self.release,
            pause=lambda seconds: limits.pause((request.app.client_id, self.tenant), seconds),
        )

    def _enter(self) -> tuple[tokens.Access, Organisation]:
        """Check token, organisation, scope and limits, in this order. Raises Refusal."""
        call_log.check_headers(
            self.request.headers.get("Accept", ""), self.call.user_agent, f"{self.method} {self.path}"
        )
        access, organisation = self._authorised()
        self.call.client_id = access.app.client_id
        self._check_limits((access.app.client_id, self.tenant))
        if not scopes.suffice(set(access.scopes), self.place.resource, self.method != "GET"):
            raise Refusal(answers.unauthorized("AuthorizationUnsuccessful"))
        return access, organisation

    def _authorised(self) -> tuple[tokens.Access, Organisation]:
        try:
            access = tokens.read_access(self.request.headers.get("Authorization", ""))
        except tokens.AccessDenied as denied:
            raise Refusal(answers.unauthorized(denied.detail)) from denied
        tenant_id = wire.parse_id(self.tenant)
        connection = (
            Connection.objects.select_related("organisation").filter(app=access.app, organisation_id=tenant_id).first()
            if tenant_id
            else None
        )
        if connection is None:
            raise Refusal(answers.forbidden())
        return access, connection.organisation

    def _check_limits(self, lane: Lane) -> None:
        self.lane = lane
        if (into_pause := limits.time_into_pause(lane)) is not None:
            call_log.violation("call_while_paused", f"{self.method} {self.path}, {into_pause:.1f} s after the 429")
        in_flight = limits.enter(lane)
        self.in_flight = True
        if in_flight > limits.settings.concurrent:
            call_log.violation("too_many_in_flight", f"{self.method} {self.path}: {in_flight} calls at once")
        if over := limits.admit(lane, in_flight):
            raise Refusal(answers.too_many(over.problem, over.retry_after))

    def _read_body(self, monitor: ViolationMonitor) -> Any:
        if self.method not in WRITES:
            return None
        if len(self.raw) > LARGEST_BODY:
            raise Refusal(answers.text_answer(413, "Request Entity Too Large"))
        if self.place.part == "Email" and not self.raw:
            return {}
        try:
            body = wire.decode(self.raw)
        except wire.NotJson as error:
            message = "JSON for post data was invalid"
            raise Refusal(answers.bad_request(message, "PostDataInvalidException", 14)) from error
        self.call.elements = monitor.read_elements(body)
        return body

    def _carry_out(self, request: ApiRequest, around: Around) -> Answer:
        def work() -> Answer:
            return self._work(request)

        def kept() -> Answer:
            return around(work)

        if self.key and self.method in WRITES:
            return keys.answer(request.app.client_id, self.key, self._fingerprint(), kept)
        return kept()

    def _fingerprint(self) -> str:
        return " ".join((self.method, self.path, self.call.query, self.tenant, self.call.body_sha256))

    def _work(self, request: ApiRequest) -> Answer:
        endpoint = endpoints.find(self.method, self.place)
        if endpoint is None:
            return answers.not_found()
        try:
            return endpoint(request)
        except Refusal as refusal:
            return refusal.answer

    def _dressed(self, answer: Answer) -> Answer:
        """Add the headers that every answer carries, and turn JSON into XML for who did not ask for JSON."""
        headers = {"Xero-Correlation-Id": self.call.correlation_id, **answer.headers}
        if self.lane:
            headers |= limits.headers(self.lane)
        body, content_type = answer.body, answer.content_type
        if content_type == answers.JSON and "application/json" not in self.request.headers.get("Accept", ""):
            body = wire.to_xml("Response", wire.decode(body)).encode()
            content_type = "text/xml; charset=utf-8"
        return Answer(answer.status, body, content_type, headers, answer.cut)
