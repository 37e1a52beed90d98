"""Who does a job in a window, and counts clicks. Typing and choosing are not counted."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page


class Hand:
    """It begins on the overview."""

    def __init__(self, page: Page) -> None:
        self.page, self.clicks = page, 0
        page.goto("/admin/")

    def click(self, selector: str) -> None:
        """Press the first of them, and wait for the page that it leads to."""
        self.clicks += 1
        with self.page.expect_navigation():
            self.page.locator(selector).first.click()

    def follow(self, text: str) -> None:
        self.click(f'main a:text-is("{text}")')

    def take(self, selector: str) -> Path:
        """Press the first of them, which gives a file. Return where it is."""
        self.clicks += 1
        with self.page.expect_download() as download:
            self.page.locator(selector).first.click()
        return download.value.path()

    def said(self) -> str:
        return self.page.inner_text("main")
