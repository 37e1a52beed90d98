"""Mutants of the admin site's pages: written once, nothing undone unseen, sessions and what is held after them."""

from __future__ import annotations

from lab.mutants.mutant import Mutant

ONCE = "qhse/adminsite/tests/test_once.py"
MEANWHILE = "qhse/adminsite/tests/test_meanwhile.py"
BY_FIELD = "qhse/adminsite/tests/test_meanwhile_by_field.py"
LATE = "qhse/adminsite/tests/test_late.py"
HELD = "qhse/adminsite/tests/test_held.py"
NUMBERS = "qhse/adminsite/tests/test_numbers.py"
CHARTS = "qhse/adminsite/tests/test_charts.py"

MUTANTS = (
    Mutant(
        "thousands-cut-off", "qhse/adminsite/numbers.py",
        "if text and not _WHOLE.fullmatch(text):", "if False:", f"{NUMBERS} -k not_plainly",
    ),
    Mutant(
        "amount-of-thousandths", "qhse/adminsite/numbers.py",
        "if text and not _AMOUNT.fullmatch(text):", "if False:", f"{NUMBERS} -k another_amount",
    ),
    Mutant(
        "numbers-as-django-reads-them", "qhse/adminsite/base.py",
        ', **NUMBERS}', "}", f"{NUMBERS} -k by_these_fields",
    ),
    Mutant(
        "numbers-of-an-address-as-python-reads-them", "qhse/adminsite/lists.py",
        "return not isinstance(field, IntegerField) or number_in(text) is not None", "return True",
        "qhse/adminsite/tests/test_rubbish.py -k in_digits_alone",
    ),
    Mutant(
        "form-of-another-step-takes-the-first", "qhse/adminsite/steps.py",
        'return "" if first and self._is_for_another(request, first) else first', "return first",
        "ncs/tests/test_admin_steps.py -k NamesNoStep",
    ),
    Mutant(
        "repeated-form-is-written-again", "qhse/adminsite/once.py",
        "known = first_answer(write, wait=True)", "known = None", f"{ONCE} -k lands_where",
    ),
    Mutant(
        "answer-to-a-form-not-kept", "qhse/adminsite/once.py",
        "            keep_answer(write, status=response.status_code, body=json.dumps(what))\n", "            pass\n",
        f"{ONCE} -k lands_where",
    ),
    Mutant(
        "forms-do-not-take-turns", "qhse/repeats/writes.py",
        "if not take_turn(int(write.name[:16], 16) - 2**63, wait=wait):", "if wait is None:",
        f"{ONCE} -k identical_posts",
    ),
    Mutant(
        "page-outside-of-the-door", "qhse/adminsite/site.py",
        "super().admin_view(once(view), cacheable)", "super().admin_view(view, cacheable)", f"{ONCE} -k looked_at",
    ),
    Mutant(
        "form-without-a-mark", "qhse/adminsite/templatetags/marked_forms.py",
        "    if user is None or not user.is_authenticated:", "    if True:", f"{ONCE} -k mark_of_its_own",
    ),
    Mutant(
        "version-of-a-page-not-compared", "qhse/adminsite/base.py",
        "form_class.expected_versions = version_in(request)", "form_class.expected_versions = None",
        f"{MEANWHILE} -k stays_so",
    ),
    Mutant(
        "version-compared-before-the-lock-alone", "qhse/accounts/services/users.py",
        "    demand_version(user.version, expected_versions)\n", "",
        "qhse/accounts/tests/test_users.py -k version",
    ),
    Mutant(
        "change-of-a-user-not-counted", "qhse/accounts/services/users.py",
        "    user.version += 1\n    user.save(update_fields=[*real", "    user.save(update_fields=[*real",
        f"{MEANWHILE} -k stays_so",
    ),
    Mutant(
        "untouched-fields-undo-a-change", "qhse/adminsite/meanwhile.py",
        "            _put(data, name, now)\n", "            pass\n", f"{BY_FIELD} -k value_of_now",
    ),
    Mutant(
        "typed-fields-lost-over-a-change", "qhse/adminsite/meanwhile.py",
        "        if not differ(field, was, typed):\n", "        if True:\n", f"{BY_FIELD} -k value_of_now",
    ),
    Mutant(
        "values-of-fields-compared-as-texts", "qhse/adminsite/meanwhile.py",
        "    return field.has_changed(read, second)\n", "    return True\n", f"{BY_FIELD} -k value_of_now",
    ),
    Mutant(
        "what-a-page-had-is-believed-unsigned", "qhse/adminsite/marks.py",
        "signing.Signer(salt=_OPENED_SALT).unsign_object(opened)",
        'signing.JSONSerializer().loads(signing.b64_decode(opened.partition(":")[0].encode()))',
        f"{BY_FIELD} -k nothing_of_ours",
    ),
    Mutant(
        "changed-long-ago-by-nobody", "audit/history.py",
        "            shown += older.filter(", "            older.filter(", f"{BY_FIELD} -k seventy",
    ),
    Mutant(
        "password-carried-in-a-page", "qhse/adminsite/meanwhile.py",
        " or isinstance(field.widget, forms.PasswordInput))", ")", f"{BY_FIELD} -k no_password",
    ),
    Mutant(
        "typed-text-lost-that-comes-too-late", "qhse/adminsite/late.py",
        "            found.append((str(field.label or pretty_name(name)), text))\n", "            pass\n",
        f"{LATE} -k finished",
    ),
    Mutant(
        "text-of-one-kind-of-input-lost", "qhse/adminsite/late.py",
        "forms.NumberInput, forms.EmailInput, forms.URLInput)", "forms.NumberInput)", f"{LATE} -k finished",
    ),
    Mutant(
        "text-lost-with-the-role", "qhse/adminsite/late.py",
        '        vars(request)["typed_in_vain"] = written_in(request, form_classes)\n', "", f"{LATE} -k lost_the_role",
    ),
    Mutant(
        "what-stood-there-given-back-as-typed", "qhse/adminsite/late.py",
        "differ(field, opened.get(name, \"\"), text)", "True", f"{LATE} -k stood_there",
    ),
    Mutant(
        "reason-for-several-lost", "qhse/adminsite/bulk.py",
        'f"Nothing has been changed. You had written: {reason}"', '"Nothing has been changed."',
        f"{LATE} -k all_have_changed",
    ),
    Mutant(
        "logout-not-recorded", "qhse/adminsite/site.py",
        "                if _has_ended(request):\n                    note_logout(before)\n", "",
        "qhse/adminsite/tests/test_login.py -k recorded_as_the_api",
    ),
    Mutant(
        "logout-noted-by-each-who-asks", "qhse/adminsite/sessions.py",
        "self.has_deleted_row or deleted > 0", "True",
        "qhse/adminsite/tests/test_login.py -k several_times",
    ),
    Mutant(
        "another-password-is-a-repetition", "qhse/adminsite/once.py",
        ", *([passwords] if passwords else ())", "", "qhse/adminsite/tests/test_once.py -k another_password",
    ),
    Mutant(
        "held-text-for-whoever-logs-in", "qhse/adminsite/held.py",
        'each["owner"] != request.user.pk or ', "", f"{HELD} -k had_not_emptied",
    ),
    Mutant(
        "login-stores-what-was-held", "qhse/adminsite/held.py",
        "        transaction.set_rollback(True)\n", "        pass\n", f"{HELD} -k stores_nothing_even",
    ),
    Mutant(
        "unreadable-text-is-text", "qhse/text.py",
        'return text if can_be_read(text) else ""', "return text", "qhse/tests/test_text.py -k nothing_to_read",
    ),
    Mutant(
        "line-over-a-gap", "qhse/adminsite/charts/upright.py",
        "            if value is None:\n                before = None\n                continue",
        "            if value is None:\n                continue", f"{CHARTS} -k over_a_gap",
    ),
    Mutant(
        "nothing-drawn-as-nought", "qhse/adminsite/charts/parts.py",
        "    if value is None:\n        return GAP\n    for size",
        '    if value is None:\n        return "0"\n    for size', f"{CHARTS} -k told_apart",
    ),
    Mutant(
        "letters-of-charts-not-escaped", "qhse/adminsite/templates/adminsite/chart.html",
        ">{{ each.text }}{%", ">{{ each.text|safe }}{%", f"{CHARTS} -k every_chart",
    ),
    Mutant(
        "charts-differ-by-colour-alone", "qhse/adminsite/templates/adminsite/chart.html",
        'height="{{ each.height }}"{% if each.kind > 1 %} fill',
        'height="{{ each.height }}"{% if each.kind > 9 %} fill', f"{CHARTS} -k their_colour",
    ),
    Mutant(
        "grid-of-another-day-leads-to-lists-of-today", "kpi/admin/charts.py",
        "link=link if is_now else None", "link=link", "kpi/tests/test_charts.py -k another_day",
    ),
)  # fmt: skip
