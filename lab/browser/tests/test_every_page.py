"""WCAG 2.2 AA on every page of the admin site, in both colour schemes, on a desk and on a phone."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, OperationalError
from django.test import RequestFactory
from playwright.sync_api import Error

from lab.browser.look import content, everything, skeleton
from lab.browser.routes import addresses, all_routes, models
from lab.browser.tests.conftest import ROLES
from qhse.accounts.models import User
from qhse.api.problems.handlers import server_error

pytestmark = pytest.mark.browser

LOGGED_OUT = "logout/"  # a page of its own below

SEEN = set()
RUBBISH = {
    "input.vDateField, input[type=date]": "soon",
    "input[inputmode=numeric], input[inputmode=decimal]": "-1",
    "input[inputmode=url]": "nowhere",
}


def look(visitor, *, again=True):
    """
    Return the faults of the page that is open. With `again=False` nothing is looked for in a page whose parts have all
    been seen in others.
    """
    said = visitor.complaints.take()
    parts = skeleton(visitor.page)
    # Colours follow from the parts, so parts that were seen in the dark are not looked at there again.
    is_new = not parts <= SEEN
    dark = ((1440, 390) if again else (1440,)) if is_new else ()
    faults = everything(visitor.page, dark=dark) if again or is_new else {}
    SEEN.update(parts)
    return faults | ({"browser": said} if said else {})


@pytest.fixture(scope="session")
def first(visitors):
    """The key of the first record in each list, by model, as the administrator's list links it."""
    page = visitors("admin").page
    keys = {}
    for model in models():
        page.goto(f"/admin/{model}/")
        link = page.locator("#result_list tbody tr a[href*='/change/']").first
        if link.count():
            keys[model] = int(re.search(rf"/{model}/(\d+)/change/", link.get_attribute("href"))[1])
    return keys


@pytest.fixture(scope="session")
def been():
    """
    What each role has seen: addresses that lead to the same page are looked at once.

    A step that a record cannot take is the page of another one, for example.
    """
    return set()


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("route", [route for route in all_routes() if route != LOGGED_OUT])
def test_every_route_leads_to_a_page_without_faults(route, role, visitors, running, first, been):
    visitor = visitors(role)
    faults, offered = {}, {}

    for address in addresses(route, running.records, first):
        record, _, step = address.partition("?step=")
        if step and step not in offered.get(record, ()):
            continue  # what is not offered leads to the page of the record, which has been opened
        try:
            status = visitor.page.goto(address).status
        except Error as error:
            assert "ERR_HTTP_RESPONSE_CODE_FAILURE" in str(error)  # refused without a page: it takes POST alone
            continue
        if not step:
            others = visitor.page.locator(".steps a:not([aria-current])")
            offered[address] = others.evaluate_all(
                "links => links.map((a) => new URL(a.href).searchParams.get('step'))"
            )
        # Refusals are alike; who is refused what is checked elsewhere.
        place = (role, content(visitor.page) if status == 200 else status)
        if place not in been:
            been.add(place)
            # Each route as a whole once; of its other records and steps what is new in them.
            faults[address] = look(visitor, again=role == "admin" and not faults)

    assert {address: found for address, found in faults.items() if found} == {}


class TestALogin:
    def test_has_no_faults(self, anybody):
        anybody.page.goto("/admin/login")

        assert look(anybody) == {}

    def test_that_is_refused_has_none_and_says_so(self, anybody):
        anybody.page.goto("/admin/login")
        anybody.page.fill("#id_username", "nobody")
        anybody.page.fill("#id_password", "wrong")

        anybody.submit(".submit-row input")

        assert "correct username and password" in anybody.page.get_by_role("alert").inner_text()
        assert look(anybody) == {}

    def test_that_has_ended_has_none(self, new_visitor):
        visitor = new_visitor("auditor")

        visitor.submit("text=Log out")

        assert visitor.page.locator("h1").inner_text() == "You are logged out"
        assert look(visitor) == {}


@pytest.mark.parametrize("model", models())
class TestEveryList:
    def test_that_is_searched_and_sorted_has_no_faults(self, model, visitors):
        visitor = visitors("admin")
        faults = {}

        for query in ("?q=a&o=1.-2", "?q=no-such-thing", "?nonsense=1"):
            visitor.page.goto(f"/admin/{model}/{query}")
            faults[query] = look(visitor, again=False)

        assert {query: found for query, found in faults.items() if found} == {}

    def test_that_is_filtered_has_no_faults(self, model, visitors):
        visitor = visitors("admin")
        visitor.page.goto(f"/admin/{model}/")
        # The days of a period are typed: such a filter has no links.
        filters = visitor.page.locator("#changelist-filter details details:has(li a)")

        for number in range(filters.count()):
            visitor.page.goto(f"/admin/{model}/{filters.nth(number).locator('li a').last.get_attribute('href')}")

        assert look(visitor, again=False) == {}

    def test_asks_for_a_reason_before_its_actions_without_faults(self, model, visitors):
        visitor = visitors("admin")
        visitor.page.goto(f"/admin/{model}/")
        chosen = visitor.page.locator("select[name=action] option:not([value=''])")
        actions = chosen.evaluate_all("options => options.map((option) => option.value)")
        faults = {}

        for action in actions:
            visitor.page.goto(f"/admin/{model}/")
            if action.startswith("export"):
                continue  # answers with a file
            visitor.page.check("#action-toggle")
            visitor.page.select_option("select[name=action]", action)
            visitor.submit("button[name=index]")
            faults[action] = look(visitor)
            if visitor.page.locator("#id_reason").count():
                visitor.submit(".submit-row input.default")
                faults[f"{action}, without a reason"] = look(visitor)

        assert {action: found for action, found in faults.items() if found} == {}


@pytest.mark.parametrize("model", models())
class TestEveryForm:
    def test_that_is_refused_leads_to_each_wrong_field(self, model, visitors, running):
        visitor = visitors("admin")
        states = running.records.get(model.replace("/", "."), {})
        faults = {}

        for form in ("add", *(f"{key}/change" for key in states.values())):
            response = visitor.page.goto(f"/admin/{model}/{form}/")
            save = visitor.page.locator(".submit-row input.default")
            fields = visitor.page.locator("#content form :is(input[type=text], input[type=date], select, textarea)")
            confirmed = visitor.page.locator("#content form input[type=hidden][name=go]")
            if response.status != 200 or not save.count() or not fields.count() or confirmed.count():
                continue  # a step that asks for nothing, or for a reason at most
            # Some are numbers, which browsers would not send as words.
            for kinds, rubbish in RUBBISH.items():
                visitor.page.locator(f"#content form :is({kinds})").evaluate_all(
                    "(fields, value) => fields.forEach((field) => { field.type = 'text'; field.value = value; })",
                    rubbish,
                )
            visitor.page.locator("#content form select:visible").evaluate_all(
                "fields => fields.forEach((field) => { field.add(new Option('rubbish', 'rubbish', true, true)); })"
            )
            visitor.submit(".submit-row input.default")
            summary = visitor.page.locator(".errornote")
            assert summary.count(), f"{form} took rubbish"
            assert summary.evaluate("element => element === document.activeElement"), f"{form}: the focus is elsewhere"
            faults[form] = look(visitor) | unlinked(visitor.page)

        assert {form: found for form, found in faults.items() if found} == {}


def unlinked(page):
    """Return what the summary of errors and the fields do not say of each other."""
    missing = []
    for link in page.locator(".errornote a[href^='#']").all():
        target = link.get_attribute("href")
        field = page.locator(target)
        if field.get_attribute("aria-invalid") != "true":
            missing.append(f"{target} is not marked as wrong")
        described = (field.get_attribute("aria-describedby") or "").split()
        if not any(page.locator(f"#{each}.errorlist").count() for each in described):
            missing.append(f"{target} is not described by its error")
    if not page.title().startswith("Error: "):
        missing.append(f"the title does not say it: {page.title()!r}")
    return {"summary": missing} if missing else {}


class TestRefusals:
    def test_of_a_form_whose_token_is_not_good_gives_it_back_filled_and_has_no_faults(self, new_visitor):
        visitor = new_visitor("procurement")
        visitor.page.goto("/admin/suppliers/supplier/add/")
        visitor.page.fill("#id_name", "Hansa Forge GmbH")
        visitor.page.evaluate("document.querySelector('#content [name=csrfmiddlewaretoken]').value = 'x'.repeat(64)")

        visitor.submit(".submit-row input.default")

        assert visitor.page.locator("h1").inner_text() == "Add supplier"
        assert visitor.page.input_value("#id_name") == "Hansa Forge GmbH"
        assert visitor.page.locator("nav.sections a").count() >= 3
        assert look(visitor) == {}

    def test_of_a_form_without_token_and_mark_has_the_menu_and_no_faults(self, new_visitor):
        visitor = new_visitor("procurement")
        visitor.page.goto("/admin/suppliers/supplier/add/")
        visitor.page.evaluate(
            "document.querySelectorAll('#content [name=csrfmiddlewaretoken], #content [name=_mark]')"
            ".forEach((field) => field.remove())"
        )

        visitor.submit(".submit-row input.default")

        assert visitor.page.locator("h1").inner_text() == "The form has expired"
        assert visitor.page.locator("nav.sections a").count() >= 3
        assert look(visitor) == {}

    @pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
    @pytest.mark.parametrize("error", [RuntimeError("made up"), OperationalError("made up"), IntegrityError("made up")])
    def test_by_an_error_have_the_menu_of_whom_they_know_and_no_faults(self, error, known, new_visitor):
        visitor = new_visitor()
        request = RequestFactory().get("/admin/suppliers/supplier/")
        request.user = request._cached_user = (
            User(pk=7, username="miller", role="quality", is_staff=True) if known else AnonymousUser()
        )
        try:
            raise error
        except type(error):
            answer = server_error(request)
        # The answer is that of the product's handler; the browser gets it in place of a page that works.
        headers = dict(answer.items()) | {"Content-Security-Policy": "default-src 'self'"}
        visitor.page.route(
            "**/admin/broken/",
            lambda route: route.fulfill(status=answer.status_code, headers=headers, body=answer.content.decode()),
        )

        visitor.page.goto("/admin/broken/")

        assert visitor.page.locator("nav.sections").count() == int(known)
        assert visitor.page.get_by_role("link", name="Overview").count() >= 1
        assert look(visitor) == {}
        visitor.context.close()
