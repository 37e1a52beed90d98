"""Mutants of webhooks: where calls may go, what a receiver may do, signatures, order, retries, pauses, secrets."""

from __future__ import annotations

from lab.mutants.mutant import Mutant

HERE = "outbox/webhooks"
ADDRESSES, TARGETS, CALLING = (f"{HERE}/tests/test_{name}.py" for name in ("addresses", "targets", "calling"))
SERVICES, FANOUT, COURIER, OUTCOMES = (
    f"{HERE}/tests/test_{name}.py" for name in ("services", "fanout", "courier", "outcomes")
)

MUTANTS = (
    # --- Where a call may go ---
    Mutant(
        "webhook-believes-embedded-addresses", f"{HERE}/addresses.py",
        "    inner = embedded(address)\n", "    inner = address\n", f"{ADDRESSES} -k public_internet",
    ),
    Mutant(
        "webhook-believes-is-global", f"{HERE}/addresses.py",
        "        return not any(inner in network for network in _INNER_V4)\n", "        return inner.is_global\n",
        f"{ADDRESSES} -k public_internet",
    ),
    Mutant(
        "webhook-goes-to-nat64", f"{HERE}/addresses.py",
        '    (IPv6Network("64:ff9b::/96"), 0),  # NAT64\n', "", f"{ADDRESSES} -k public_internet",
    ),
    Mutant(
        "webhook-one-good-address-is-enough", f"{HERE}/calling.py",
        "    for address in addresses:\n        if not may_be_called(address, allowed):\n",
        "    for address in addresses[:1]:\n        if not may_be_called(address, allowed):\n",
        f"{CALLING} -k of_which_one_address",
    ),
    Mutant(
        "webhook-resolves-again", f"{HERE}/calling.py",
        "with _connected(target, _addresses(target, allowed, resolve, deadline), deadline, context) as line:",
        "with _connected(target, _addresses(target, allowed, resolve, deadline) and [\n"
        "                address_of(each[4][0]) for each in resolve(target.host, target.port)\n"
        "            ], deadline, context) as line:",
        f"{CALLING} -k whatever_the_name_says_later",
    ),
    Mutant(
        "webhook-http-in-production", f"{HERE}/targets.py",
        'schemes = ("https",) if strict else ("https", "http")', 'schemes = ("https", "http")',
        f"{TARGETS} -k strict",
    ),
    Mutant(
        "webhook-tls-unverified", f"{HERE}/calling.py",
        "return (context or ssl.create_default_context()).wrap_socket(line, server_hostname=target.host)",
        "return ssl._create_unverified_context().wrap_socket(line, server_hostname=target.host)",
        f"{CALLING} -k TestTls",
    ),
    # --- What a receiver may do ---
    Mutant(
        "webhook-redirect-taken", f"{HERE}/calling.py",
        "return self.status is not None and 200 <= self.status <= 299",
        "return self.status is not None and 200 <= self.status <= 399", f"{CALLING} -k is_not_taken_otherwise",
    ),
    Mutant(
        "webhook-each-byte-has-the-whole-time", "qhse/bounded_line.py",
        "self._line.settimeout(self._deadline.left())\n        received", "self._line.settimeout(15)\n        received",
        f"{CALLING} -k take_its_time",
    ),
    Mutant(
        "webhook-waits-for-nameservers", f"{HERE}/resolving.py",
        "found, error = outcome.get(timeout=deadline.left())", "found, error = outcome.get()",
        f"{HERE}/tests/test_resolving.py -k left_behind",
    ),
    Mutant(
        "webhook-lookups-pile-up", f"{HERE}/resolving.py",
        "        if not self._places.acquire(timeout=deadline.left()):",
        "        if not self._places.acquire(timeout=0.01) and False:",
        f"{HERE}/tests/test_resolving.py -k pile_up",
    ),
    Mutant(
        "webhook-answer-read-without-end", "qhse/bounded_line.py",
        "self._left -= received", "pass", f"{CALLING} -k counts_what_it_reads",
    ),
    Mutant(
        "webhook-half-a-head-is-taken", f"{HERE}/calling.py",
        "    line.demand_whole_head()\n", "", f"{CALLING} -k breaks_off_in_its_head",
    ),
    # --- Signatures and secrets ---
    Mutant(
        "webhook-signature-without-time", f"{HERE}/signing.py",
        'message = f"{message_id}.{timestamp}.".encode() + body', 'message = f"{message_id}.".encode() + body',
        f"{HERE}/tests/test_signing.py",
    ),
    Mutant(
        "webhook-of-an-unreadable-secret-paused-at-once", f"{HERE}/outcomes.py",
        "    elif moved and wait is None and since <= _first_attempt(delivery_id):",
        "    elif not vault.is_readable(endpoint.secret) or (moved and wait is None):",
        f"{COURIER} -k uncalled_and_the_endpoint_active",
    ),
    Mutant(
        "webhook-former-secret-lost-by-who-cannot-read-it", f"{HERE}/services.py",
        "endpoint.previous_secret, endpoint.previous_until = endpoint.secret, until",
        "endpoint.previous_secret, endpoint.previous_until = vault.close(secret), until",
        f"{HERE}/tests/test_services.py -k only_other_processes",
    ),
    Mutant(
        "webhook-former-secret-for-ever", f"{HERE}/requests.py",
        "if endpoint.previous_until is None or endpoint.previous_until <= now:",
        "if endpoint.previous_until is None:", f"{COURIER} -k for_a_day_after_a_rotation",
    ),
    Mutant(
        "webhook-former-secret-ends-at-once", f"{HERE}/requests.py",
        "if endpoint.previous_until is None or endpoint.previous_until <= now:", "if True:",
        f"{COURIER} -k for_a_day_after_a_rotation",
    ),
    Mutant(
        "webhook-secret-stored-plain", f"{HERE}/vault.py",
        "return _lock(settings.SECRET_KEY).encrypt(secret.encode()).decode()", "return secret",
        f"{HERE}/tests/test_vault.py -k closed_it",
    ),
    Mutant(
        "webhook-secret-kept-with-the-answer", "qhse/api/writes.py",
        'data = getattr(response, "kept", response.data)', "data = response.data",
        f"{HERE}/tests/test_api.py -k repeated_under_a_key",
    ),
    Mutant(
        "webhook-log-shows-what-the-receiver-shows", f"{HERE}/requests.py",
        '        text = text.replace(secret, "[secret]")\n', "        pass\n",
        f"{COURIER} -k no_secret_is_in",
    ),
    Mutant(
        "webhook-query-in-the-trail", f"{HERE}/targets.py",
        'return f"{address}?…" if mark else address', "return url", f"{SERVICES} -k out_of_the_trail",
    ),
    # --- Fan-out, order, retries, pauses ---
    Mutant(
        "webhook-pause-forgets-what-came-before", f"{HERE}/models.py",
        "return self.is_active or (self.paused_at is not None and moment <= self.paused_at)", "return self.is_active",
        f"{FANOUT} -k former_version",
    ),
    Mutant(
        "webhook-gets-what-came-before-it", f"{HERE}/services.py",
        "        skips_until=_newest_event(),\n", "        skips_until=0,\n", f"{FANOUT} -k nothing_from_before_it",
    ),
    Mutant(
        "webhook-resumed-gets-what-it-missed", f"{HERE}/services.py",
        "    endpoint.skips_until = _newest_event()\n", "    endpoint.skips_until = 0\n",
        f"{FANOUT} -k came_before_its_pause",
    ),
    Mutant(
        "webhook-types-hold-for-the-past", f"{HERE}/models.py",
        "self.types_after is not None and event_id <= self.types_after", "False", f"{FANOUT} -k what_it_wanted_when",
    ),
    Mutant(
        "webhook-former-address-counts", f"{HERE}/outcomes.py",
        "    elif url == endpoint.url:\n", "    else:\n", f"{OUTCOMES} -k counts_against_nobody",
    ),
    Mutant(
        "webhook-call-without-delivery-stops-all", f"{HERE}/outcomes.py",
        "filter(pk=delivery_id).exists():\n", "filter(pk=delivery_id):\n        pass\n    if endpoint is None:\n",
        f"{OUTCOMES} -k keeps_no_other",
    ),
    Mutant(
        "webhook-waits-as-long-as-a-clock-was-ahead", f"{HERE}/selectors.py",
        ', f"{until}__lte": Now() + timedelta(seconds=most_seconds)', "", f"{OUTCOMES} -k nothing_waits_for_longer",
    ),
    Mutant(
        "webhook-due-behind-a-retry-counts", f"{HERE}/selectors.py",
        "filter(_waits_for_retry(), endpoint__in", "filter(endpoint__in", f"{COURIER} -k stands_behind_a_retry",
    ),
    Mutant(
        "webhook-run-without-an-end", f"{HERE}/courier.py",
        " or time.monotonic() >= ends_at", "", f"{COURIER} -k a_pause_is_obeyed",
    ),
    Mutant(
        "webhook-note-without-an-endpoint", f"{HERE}/migrations/0002_note_events.py",
        "\"EXISTS (SELECT 1 FROM webhooks_webhookendpoint WHERE status = 'ACTIVE')\"", '"1 = 1"',
        f"{FANOUT} -k costs_no_row",
    ),
    Mutant(
        "webhook-note-kept", f"{HERE}/fanout.py",
        "        Outgoing.objects.filter(pk__in=list(ids.values())).delete()\n", "", f"{FANOUT} -k for_each_endpoint",
    ),
    Mutant(
        "webhook-retry-lets-later-ones-pass", f"{HERE}/selectors.py",
        ".filter(Q(by_hand=True) | Q(held_back_by=None))", ".filter(Q(by_hand=True) | Q(endpoint__isnull=False))",
        f"{COURIER} -k holds_back_later_events",
    ),
    Mutant(
        "webhook-run-goes-on-after-a-failure", f"{HERE}/courier.py",
        "if self._stopping or not answer.is_taken or time", "if self._stopping or time",
        f"{COURIER} -k stops_at_the_first",
    ),
    Mutant(
        "webhook-called-while-it-is-called", f"{HERE}/selectors.py",
        "        .exclude(pk__in=list(busy))\n", "", f"{COURIER} -k busy_until",
    ),
    Mutant(
        "webhook-never-held", f"{HERE}/retry.py",
        "    if failures < TRIPS_AT:\n        return 0.0\n", "    return 0.0\n", f"{COURIER} -k no_more_for_a_while",
    ),
    Mutant(
        "webhook-never-paused", f"{HERE}/outcomes.py",
        "        _pause(endpoint, PauseCause.FAILURES if ", "        bool(PauseCause.FAILURES if ",
        f"{COURIER} -k for_a_day_is_paused",
    ),
    Mutant(
        "webhook-poison-pauses-its-endpoint", f"{HERE}/outcomes.py",
        "elif moved and wait is None and since <= _first_attempt(delivery_id):", "elif moved and wait is None:",
        f"{COURIER} -k after_the_last_attempt",
    ),
    Mutant(
        "webhook-stale-result-counts", f"{HERE}/outcomes.py",
        "WebhookDelivery.objects.waiting().filter(pk=delivery_id, attempts=attempts)",
        "WebhookDelivery.objects.waiting().filter(pk=delivery_id)", f"{COURIER} -k a_person_was_quicker",
    ),
    Mutant(
        "webhook-doubtful-take-all-threads", f"{HERE}/courier.py",
        "if is_doubtful and sum(self._in_flight.values()) >= DOUBTFUL_AT_ONCE:", "if False:",
        f"{COURIER} -k doubtful",
    ),
    Mutant(
        "webhook-open-to-auditors", f"{HERE}/permissions.py",
        "_ADMINISTRATORS = frozenset({Role.ADMIN})", "_ADMINISTRATORS = frozenset({Role.ADMIN, Role.AUDITOR})",
        f"{HERE}/tests/test_api.py -k nobody_but",
    ),
    Mutant(
        "webhook-address-read-as-a-reference", f"{HERE}/requests.py",
        'query = request.target.path.partition("?")[2]',
        'query = __import__("urllib.parse").parse.urlsplit(request.target.path).query',
        f"{COURIER} -k two_slashes",
    ),
    Mutant(
        "webhook-sent-by-hand-while-paused", f"{HERE}/services.py",
        "    if not endpoint.is_active:\n        raise WebhookIsPaused", "    if False:\n        raise WebhookIsPaused",
        f"{SERVICES} -k while_the_webhook_is_paused",
    ),
)  # fmt: skip
