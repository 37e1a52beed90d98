"""Mutants of the API, its tokens, its logins and its transactions."""

from __future__ import annotations

from lab.mutants.mutant import Mutant

WRITES = "qhse/api/tests/test_writes.py"
VALIDITY = "qhse/accounts/tests/test_validity.py"
NAMES = "qhse/accounts/tests/test_usernames.py"
PASSWORDS = "qhse/accounts/tests/test_passwords.py"
LOGIN = "qhse/accounts/tests/test_login.py"
ADMIN_LOGIN = "qhse/adminsite/tests/test_login.py"
TOKENS = "qhse/accounts/tests/test_tokens.py"
USERS = "qhse/accounts/tests/test_users.py"
MATRIX = "qhse/tests/test_permission_matrix.py"
RACES = "qhse/tests/test_races.py"
BODIES = "qhse/api/tests/test_bodies.py"
ADDRESSES = "qhse/observability/tests/test_addresses.py"

MUTANTS = (
    Mutant(
        "star-matches-nothing-at-all", "suppliers/services/volumes.py",
        "if row is None and expected is not None and NO_VERSION not in expected:", "if False:",
        "suppliers/tests/test_volumes.py -k by_a_star",
    ),
    Mutant(
        "star-is-no-condition", "qhse/api/preconditions.py",
        "        return _ANY\n", "        return None\n", "suppliers/tests/test_volumes.py -k by_a_star",
    ),
    Mutant(
        "nul-behind-a-moment", "qhse/api/viewsets.py",
        'elif "\\0" in values[0]:', "elif False:", "qhse/tests/test_lists.py -k no_text",
    ),
    Mutant(
        "cost-of-minus-nothing", "ncs/services/fields.py",
        ".quantize(_CENT) + 0", ".quantize(_CENT)", "ncs/tests/test_services_correction.py -k no_sign",
    ),
    Mutant(
        "claims-changed-for-all-who-come-later", "qhse/accounts/services/tokens.py",
        "return dict(claims) if", "return claims if", f"{TOKENS} -k kept_as_it_was_read",
    ),
    Mutant(
        "deep-pages-go-the-wrong-way", "qhse/api/pagination.py",
        '"lt" if self.key_order == "-" else "gt"', '"gt" if self.key_order == "-" else "lt"',
        "qhse/tests/test_lists.py -k deep_pages",
    ),
    Mutant(
        "a-bounded-count-is-called-exact", "qhse/api/pagination.py",
        "number <= self.most_counted)", "True)", "qhse/tests/test_lists.py -k beyond_the_bound",
    ),
    Mutant(
        "rows-of-all-severities-under-a-filter", "qhse/api/filters.py",
        "request.chosen_columns = chosen\n", "request.chosen_columns = {}\n", "ncs/tests/test_api.py",
    ),
    Mutant(
        "names-unique-as-typed", "qhse/accounts/usernames.py",
        "    return caseless(_one_i(caseless(_one_i(name))))", "    return name",
        f"{NAMES} -k taken",
    ),
    Mutant(
        "people-found-as-typed", "qhse/accounts/models.py",
        "self.filter(username_key=username_key(username)).first()", "self.filter(username=username).first()",
        "audit/tests/test_api.py -k each_filter",
    ),
    Mutant(
        "login-by-the-name-as-typed", "qhse/accounts/models.py",
        'self.get(username_key=username_key(username or ""))', "self.get(username=username)",
        f"{NAMES} -k log_in_by",
    ),
    Mutant(
        "failures-counted-as-typed", "qhse/accounts/services/login.py",
        'sha256(username_key(username).encode(', "sha256(username.encode(", f"{NAMES} -k counted_as_one",
    ),
    Mutant(
        "the-systems-name-for-anybody", "qhse/accounts/usernames.py",
        "    return key in RESERVED or", "    return", f"{NAMES} -k as_the_trail_calls",
    ),
    Mutant(
        "passwords-as-typed", "qhse/accounts/passwords.py",
        'return unicodedata.normalize("NFC", spaced)', "return password", f"{PASSWORDS} -k opens_however",
    ),
    Mutant(
        "unknown-users-cost-less", "qhse/accounts/models.py",
        "            make_password(raw_password)\n            return False", "            return False",
        f"{PASSWORDS} -k costs_the_same",
    ),
    Mutant(
        "new-hash-undoes-a-new-password", "qhse/accounts/models.py",
        "filter(pk=self.pk, password=self.password)", "filter(pk=self.pk)", f"{PASSWORDS} -k undone",
    ),
    Mutant(
        "a-role-too-many", "suppliers/permissions.py",
        '"create": _BUYERS,\n    "update_certification"', '"create": EVERYONE,\n    "update_certification"',
        f"{MATRIX} -k suppliers",
    ),
    Mutant(
        "unlisted-is-allowed", "qhse/accounts/rights.py",
        "return user.role in table.get(action, frozenset())", "return user.role in table.get(action, {user.role})",
        f"{MATRIX} -k denied",
    ),
    Mutant(
        "inactive-user-passes", "qhse/api/authentication.py",
        "if user is None or not user.is_active:\n            raise InvalidToken(\"The token names no user",
        "if user is None:\n            raise InvalidToken(\"The token names no user", f"{MATRIX} -k deactivated",
    ),
    Mutant(
        "close-without-lock", "ncs/services/storing.py",
        'NonConformity.objects.select_for_update(no_key=True, of=("self",)).filter(', "NonConformity.objects.filter(",
        f"{RACES} -k close",
    ),
    Mutant(
        "unique-violation-not-translated", "suppliers/services/suppliers.py",
        "except IntegrityError as error:", "except ZeroDivisionError as error:", f"{RACES} -k create",
    ),
    Mutant(
        "constraints-not-mapped", "qhse/api/problems/database.py",
        "    if isinstance(exc, IntegrityError):\n        return _constraint_problem(exc)\n", "",
        "qhse/api/tests/test_database.py",
    ),
    Mutant(
        "refresh-without-lock", "qhse/accounts/services/tokens.py",
        'TokenFamily.objects.select_for_update(of=("self",)).select_related', "TokenFamily.objects.select_related",
        f"{RACES} -k refresh",
    ),
    Mutant(
        "reuse-revokes-nothing", "qhse/accounts/services/tokens.py",
        '        _revoke(family, "TOKEN_REUSED")\n', "", f"{TOKENS} -k spent",
    ),
    Mutant(
        "revocation-rolled-back", "qhse/accounts/services/tokens.py",
        "        pair = _rotate(refresh_token)\n",
        "        pair = _rotate(refresh_token)\n        transaction.set_rollback(pair is None)\n",
        f"{TOKENS} -k spent",
    ),
    Mutant(
        "password-keeps-tokens", "qhse/accounts/services/users.py",
        '    user.save(update_fields=["password", "version"])\n    revoke_all_tokens(user)\n',
        '    user.save(update_fields=["password", "version"])\n', f"{USERS} -k every_login",
    ),
    Mutant(
        "login-blocked-as-long-as-a-clock-was-ahead", "qhse/accounts/services/login.py",
        " or counter.window_started_at > counter.now + AHEAD", "", f"{LOGIN} -k clock_that_was_ahead",
    ),
    Mutant(
        "told-while-clocks-disagree", "qhse/clock.py",
        "    if abs(apart) > MOST_APART:\n", "    if False:\n", "qhse/tests/test_clock.py -k two_clocks",
    ),
    Mutant(
        "logins-counted-without-lock", "qhse/accounts/services/login.py",
        "LoginCounter.objects.select_for_update()", "LoginCounter.objects.all()", f"{LOGIN} -k many_tries",
    ),
    Mutant(
        "failure-rolled-back", "qhse/accounts/services/login.py",
        "        outcome = _try(username, password, may_enter, purpose)\n",
        "        outcome = _try(username, password, may_enter, purpose)\n"
        "        transaction.set_rollback(isinstance(outcome, Exception))\n",
        f"{LOGIN} -k ten_failures",
    ),
    Mutant(
        "any-proxy-is-believed", "qhse/observability/addresses.py",
        "return any(hop in network for network in trusted if network != UNIX)", "return True", f"{LOGIN} -k header",
    ),
    Mutant(
        "refusal-not-recorded", "qhse/api/problems/handlers.py",
        '        note_refusal(handler_context["request"])\n', "        pass\n",
        "qhse/api/tests/test_refusals.py -k not_allowed",
    ),
    Mutant(
        "write-not-repeatable", "ncs/api/views.py", "    @repeatable\n    def close(", "    def close(",
        f"{WRITES} -k looks_at_the_key",
    ),
    Mutant(
        "answer-not-kept", "qhse/api/writes.py",
        "            _keep(write, response)\n", "            pass\n", f"{WRITES} -k SameKey",
    ),
    Mutant(
        "answer-kept-apart-from-the-write", "qhse/api/writes.py",
        "        response = action(request, *args, **kwargs)\n        if",
        "        response = action(request, *args, **kwargs)\n"
        "        transaction.get_connection().connection.commit()\n        if",
        "repeats",
    ),
    Mutant(
        "body-not-compared", "qhse/api/writes.py",
        "if known.fingerprint != fingerprint:", "if not known.fingerprint:", f"{WRITES} -k another_body",
    ),
    Mutant(
        "deadlock-not-retried", "qhse/repeats/writes.py", "MOST_TRIES = 4", "MOST_TRIES = 1",
        f"{WRITES} -k lost_a",
    ),
    Mutant(
        "if-match-ignored", "qhse/errors.py",
        "if expected is not None and present not in expected:", "if expected == 0:",
        "qhse/api/tests/test_preconditions.py -k stale",
    ),
    Mutant(
        "no-depth-limit", "qhse/api/requests/parsers.py",
        "    if max(accumulate(steps), default=0) > MAX_DEPTH:", "    if max(accumulate(steps), default=0) > 10**9:",
        "qhse/api/tests/test_parsers.py",
    ),
    Mutant(
        "repeated-keys-accepted", "qhse/api/requests/parsers.py",
        "if len(document) != len(pairs):", "if len(document) > len(pairs):", "qhse/api/tests/test_parsers.py",
    ),
    Mutant(
        "unknown-fields-accepted", "qhse/api/viewsets.py",
        "unknown = sorted(set(data) - set(self.fields)) if isinstance(data, dict) else []", "unknown: list[str] = []",
        "qhse/tests/test_hostile_input.py -k unknown",
    ),
    Mutant(
        "no-leeway", "qhse/accounts/services/validity.py",
        "latest, earliest = now.timestamp() + settings.TOKEN_LEEWAY, now.timestamp() - settings.TOKEN_LEEWAY",
        "latest = earliest = now.timestamp()", f"{VALIDITY} -k disagree_a_little",
    ),
    Mutant(
        "times-of-tokens-not-looked-at", "qhse/accounts/services/tokens.py",
        'claims.get("sub") or not is_current(claims, row[-1]):', 'claims.get("sub"):',
        f"{VALIDITY} -k disagree_a_little",
    ),
    Mutant(
        "tokens-begin-by-this-host", "qhse/accounts/services/tokens.py",
        "        token.set_iat(at_time=now)\n        token.set_exp(from_time=now)\n",
        "        token.set_iat()\n        token.set_exp()\n", f"{VALIDITY} -k takes_and_gives",
    ),
    Mutant(
        "audience-not-checked", "qhse/accounts/services/identity_provider.py",
        'options=untimed(require=["exp", "iat", "iss"',
        'options={"verify_aud": False} | untimed(require=["exp", "iat", "iss"',
        "qhse/accounts/tests/test_identity_provider.py -k audience",
    ),
    Mutant(
        "former-role-comes-back", "qhse/accounts/services/identity_provider.py",
        'issued_at = datetime.fromtimestamp(claims["iat"], UTC)', "issued_at = datetime.now(UTC)",
        "qhse/accounts/tests/test_identity_provider.py -k taken_away",
    ),
    Mutant(
        "local-account-is-linked", "qhse/accounts/services/identity_provider.py",
        "            known = User.objects.filter(external_id=external_id).first()",
        "            known = User.objects.filter(username=name).first()",
        "qhse/accounts/tests/test_identity_provider.py -k same_name",
    ),
    Mutant(
        "demo-users-in-production", "qhse/deployment/database_checks.py",
        "if check_password(name, password)]", "if not password]",
        "qhse/deployment/tests/test_database_checks.py -k demo",
    ),
    Mutant(
        "bodies-in-chunks-ignored", "qhse/api/requests/bodies.py",
        'if "HTTP_TRANSFER_ENCODING" in meta and', 'if "NO_SUCH" in meta and', f"{BODIES} -k refused_like",
    ),
    Mutant(
        "slow-reads-without-end", "qhse/deployment/gunicorn_worker.py",
        "self._sock.shutdown(socket.SHUT_RD)", "self._sock.fileno()", f"{BODIES} -k hold_up",
    ),
    Mutant(
        "answers-that-trickle-without-end", "qhse/deployment/gunicorn_worker.py",
        "self._sock.shutdown(socket.SHUT_RDWR)", "self._sock.fileno()",
        "qhse/deployment/tests/test_gunicorn_worker.py -k ends_after_a_while",
    ),
    Mutant(
        "user-not-compared-at-login", "qhse/accounts/services/login.py",
        "if user is None or not user.is_active or user.password != proven.password:", "if user is None:",
        f"{LOGIN} -k overtaken",
    ),
    Mutant(
        "deactivation-keeps-tokens", "qhse/accounts/services/users.py",
        "        revoke_all_tokens(user)\n        _end_sessions(user)\n", "        _end_sessions(user)\n",
        f"{USERS} -k for_good",
    ),
    Mutant(
        "password-without-upper-limit", "qhse/accounts/passwords.py",
        "        if len(prepared(password)) > MAX_PASSWORD_LENGTH:\n", "        if not password:\n",
        f"{ADMIN_LOGIN} -k overlong_password_and",
    ),
    Mutant(
        "old-password-guessed-without-limit", "qhse/adminsite/login.py",
        "        password: str = self.cleaned_data[\"old_password\"]\n",
        "        password: str = self.cleaned_data[\"old_password\"]\n        return super().clean_old_password()\n",
        f"{ADMIN_LOGIN} -k guesses_at",
    ),
    Mutant(
        "forwarded-for-read-from-the-front", "qhse/observability/addresses.py",
        'reversed(forwarded_for.split(","))', 'forwarded_for.split(",")', ADDRESSES,
    ),
    Mutant(
        "forwarded-ports-not-read", "qhse/observability/addresses.py",
        "if address is None and (parts := _PORT.fullmatch(word)):", "if address and (parts := _PORT.fullmatch(word)):",
        ADDRESSES,
    ),
    Mutant(
        "one-count-for-all-unknown-clients", "qhse/accounts/services/login.py",
        "    if not address:\n        of_account", "    if address is None:\n        of_account",
        f"{LOGIN} -k shares_no_count",
    ),
    Mutant(
        "a-proxy-counted-as-a-client", "qhse/observability/addresses.py",
        "known = isinstance(hop, Address) and not _is_among(hop, trusted)", "known = isinstance(hop, Address)",
        f"{LOGIN} -k shares_no_count",
    ),
    Mutant(
        "tags-of-compressed-answers-unknown", "qhse/api/preconditions.py",
        "(?:{_CODING})?\"'", "\"'", "qhse/api/tests/test_preconditions.py -k compressing",
    ),
    Mutant(
        "forms-of-hosts-not-checked", "qhse/env.py",
        "if not _HOST.fullmatch(text.lower()) or not _is_host(text):", "if not text:",
        "qhse/tests/test_settings.py -k ALLOWED_HOSTS",
    ),
    Mutant(
        "service-links-stop-the-start", "qhse/env.py",
        "if not _LINK.fullmatch(name) and not _LINKED.fullmatch(", "if name and not _LINKED.fullmatch(",
        "qhse/tests/test_settings.py -k orchestrator",
    ),
    Mutant(
        "blocked-address-open-to-the-familiar", "qhse/accounts/services/login.py",
        "    if wait:\n        return [], wait, wait\n", "", f"{LOGIN} -k TestTheAddress",
    ),
    Mutant(
        "database-errors-are-defects-in-the-admin", "qhse/api/problems/handlers.py",
        "    answer = database_problem(exc) if isinstance(exc, Exception) else None\n", "    answer = None\n",
        "qhse/adminsite/tests/test_database_problems.py",
    ),
)  # fmt: skip
