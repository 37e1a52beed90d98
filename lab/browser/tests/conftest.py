"""A running installation, a Chromium, and a page of it for each role."""

from __future__ import annotations

import pytest
from playwright.sync_api import sync_playwright

from dev.stack import StackFailed
from lab.browser.chromium import ARGUMENTS, ChromiumIsMissing, find_chromium
from lab.browser.hand import Hand
from lab.browser.installation import installation
from lab.browser.look import Complaints

ROLES = ("admin", "quality", "procurement", "auditor")
SECONDS = 45  # of a page on a machine that has other work


@pytest.fixture(scope="session")
def chromium():
    try:
        path = find_chromium()
    except ChromiumIsMissing as error:
        pytest.exit(str(error), returncode=1)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def running(tmp_path_factory):
    try:
        with installation(tmp_path_factory.mktemp("browser")) as running:
            yield running
    except StackFailed as error:
        pytest.exit(f"the product did not start: {error}", returncode=1)


class Visitor:
    """A window of somebody, and what the browser complained of in it."""

    def __init__(self, context, home):
        self.context = context
        self.home = home
        self.complaints = Complaints(home)
        self.page = context.new_page()
        self.page.set_default_timeout(SECONDS * 1000)
        self.complaints.watch(self.page)

    def log_in(self, name):
        self.page.goto("/admin/login")
        self.page.fill("#id_username", name)
        self.page.fill("#id_password", name)
        self.submit(".submit-row input")
        assert self.path() == "/admin/", self.page.inner_text("main")
        return self

    def submit(self, button):
        """Press a button that sends a form, and wait for the page that comes back."""
        with self.page.expect_navigation():
            self.page.click(button)

    def path(self):
        return self.page.url.removeprefix(self.home)


@pytest.fixture(scope="session")
def new_visitor(chromium, running):
    """Open a window of its own, for nobody or for a logged-in role."""
    contexts = []

    def open_window(role=None, **options):
        context = chromium.new_context(base_url=running.url, **({"reduced_motion": "reduce"} | options))
        contexts.append(context)
        visitor = Visitor(context, running.url)
        return visitor.log_in(role) if role else visitor

    yield open_window
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def visitors(new_visitor):
    """One window for each role, kept for the whole run."""
    windows = {}

    def of(role):
        if role not in windows:
            windows[role] = new_visitor(role)
        return windows[role]

    return of


@pytest.fixture
def anybody(new_visitor):
    """A window in which nobody is logged in."""
    visitor = new_visitor()
    yield visitor
    visitor.context.close()


@pytest.fixture(params=[1440, 390], ids=["desk", "phone"])
def hand(request, visitors):
    """A hand of each role, in a wide window and in a narrow one."""

    def of(role):
        page = visitors(role).page
        page.set_viewport_size({"width": request.param, "height": 844})
        return Hand(page)

    yield of
    for role in ROLES:
        visitors(role).page.set_viewport_size({"width": 1440, "height": 900})
