"""Looking at one page: what axe-core finds in it, what the browser complains of, and what does not fit."""

from __future__ import annotations

from collections.abc import Collection
from hashlib import sha256
from importlib.resources import files
from typing import Any

from playwright.sync_api import ConsoleMessage, Page, Request

AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
WCAG_2_2_AA = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
# What another colour scheme can break.
OF_COLOURS = ("color-contrast", "link-in-text-block")
# What another width can break.
OF_LAYOUT = (*OF_COLOURS, "target-size", "scrollable-region-focusable")

WINDOWS = ((1440, 900), (390, 844))

_RUN = """
async ({ tags, only }) => {
  const options = { resultTypes: ["violations"], preload: false, rules: { "target-size": { enabled: true } } };
  options.runOnly = only ? { type: "rule", values: only } : { type: "tag", values: tags };
  if (only) delete options.rules;
  // Rows are alike: the first ones of a long table stand for all.
  const context = { include: [["html"]], exclude: [["tbody tr:nth-child(n+9)"]] };
  const { violations } = await axe.run(context, options);
  const reasons = (node) => node.any.map((each) => each.message).join("; ");
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map((node) => `${id}: ${help}: ${node.target.join(" ")}: ${reasons(node)}`));
}
"""
_SIDEWAYS = """
() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  const scrolls = (element) => ["auto", "scroll", "hidden"].includes(getComputedStyle(element).overflowX);
  const inside = (element) => {
    for (let each = element.parentElement; each && each !== document.body; each = each.parentElement)
      if (scrolls(each)) return true;
    return false;
  };
  const wide = [...document.body.querySelectorAll("*")].filter(
    (element) => element.getBoundingClientRect().right > width + 1 && !inside(element));
  const names = wide.map((element) => `${element.tagName}#${element.id}.${element.className}`);
  return [`the page is ${document.documentElement.scrollWidth} px wide: ${names.slice(0, 6).join(", ")}`];
}
"""

# Parts of a page that lie within others. Pages that differ in what parts they have share nearly all of them.
_SKELETON = """
() => {
  const parts = "#header, main, main section, main fieldset, main details, main .form-row, tr";
  const of = (element) => {
    const kept = [...element.attributes].filter(({ name }) => /^(class|role|type|aria-(?!describ|label))/.test(name));
    const attributes = kept.map(({ name, value }) => `${name}=${value.replace(/\\d+/g, "n")}`).join(" ");
    const inner = [...element.children].filter((child) => !child.matches(parts)).map(of).join("");
    return `<${element.tagName} ${attributes}>${inner}</>`;
  };
  return [...document.querySelectorAll(parts)].map(of);
}
"""


_CONTENT = """
() => document.body.innerHTML.replace(/(name="(?:_mark|_seen|_opened|csrfmiddlewaretoken)" value=")[^"]*/g, "$1")
  .replace(/(action|href)="[^"]*"/g, "")
"""


def content(page: Page) -> str:
    """Return a digest of the page without its addresses and marks. Two pages that share it look alike."""
    return sha256(page.evaluate(_CONTENT).encode()).hexdigest()


def faults_by_axe(page: Page, *, only: tuple[str, ...] = ()) -> list[str]:
    """Return what axe-core finds against WCAG 2.2 AA, one line a place. `only` names the rules to run."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE)  # past the Content-Security-Policy, which stays in force for the page itself
    found: list[str] = page.evaluate(_RUN, {"tags": WCAG_2_2_AA, "only": list(only) or None})
    return found


def sideways(page: Page) -> list[str]:
    """Return what makes the page wider than its window. Regions that scroll by themselves do not count."""
    wide: list[str] = page.evaluate(_SIDEWAYS)
    return wide


class Complaints:
    """What the browser says of the pages of a context: errors, refusals of the policy, requests to other places."""

    def __init__(self, home: str) -> None:
        self.home = home
        self.lines: list[str] = []

    def watch(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.lines.append(f"error: {error}"))
        page.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        # The status of the page itself, a 404 for example, is what the visit is for.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.lines.append(f"console: {message.text}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self.home, "data:", "blob:")):
            self.lines.append(f"asked elsewhere: {request.url}")

    def take(self) -> list[str]:
        """Return what came since the last call."""
        lines, self.lines = self.lines, []
        return lines


def frame(page: Page) -> list[str]:
    """Return what is wrong with what every page has: its language, title, heading and way past the menu."""
    wrong = [] if page.locator("html").get_attribute("lang") == "en-gb" else ["the language is not named"]
    if not page.title().endswith("| QHSE"):
        wrong.append(f"the title does not name the site: {page.title()!r}")
    headings = page.locator("h1").all_inner_texts()
    if len(headings) != 1 or headings[0].casefold() not in page.title().casefold():
        wrong.append(f"the heading is not in the title: {headings}, {page.title()!r}")
    if not page.locator("body > a:first-child[href='#content-start'], body > a:first-of-type").count():
        wrong.append("nothing leads past the menu")
    return wrong


def everything(page: Page, *, dark: Collection[int] = (1440, 390)) -> dict[str, Any]:
    """
    Return the faults of the open page in both widths and schemes, by where they were seen. Empty: none.

    `dark` are the widths in which it is looked at in the dark, too: none for a page all of whose parts have been seen.
    """
    seen: dict[str, Any] = {"frame": frame(page)}
    for width, height in WINDOWS:
        page.set_viewport_size({"width": width, "height": height})
        # The structure is the same in each window. What depends on the layout is looked at again.
        seen[f"{width} px, light"] = faults_by_axe(page, only=() if (width, height) == WINDOWS[0] else OF_LAYOUT)
        if width in dark:
            page.emulate_media(color_scheme="dark")
            seen[f"{width} px, dark"] = faults_by_axe(page, only=OF_COLOURS)
            page.emulate_media(color_scheme="light")
        seen[f"{width} px"] = sideways(page)
    page.set_viewport_size({"width": 320, "height": 640})
    seen["320 px"] = sideways(page)
    page.set_viewport_size({"width": WINDOWS[0][0], "height": WINDOWS[0][1]})
    return {where: faults for where, faults in seen.items() if faults}


def skeleton(page: Page) -> set[str]:
    """Return what the page is made of, without its texts: one line for each part of its frame and content."""
    parts: list[str] = page.evaluate(_SKELETON)
    return set(parts)
