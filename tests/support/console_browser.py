"""Chromium as it looks at the console: what it loads, what it refuses, what axe and a ruler find on a page.

Knows no page of the console, only what holds for all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal
from urllib.parse import urlsplit

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, CDPSession, ConsoleMessage, Dialog, Page, Request, sync_playwright

Theme = Literal["light", "dark"]

HOST = "phonebook.example"
"""A host that is this machine, for services behind a proxy."""
OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-sync",
    f"--host-resolver-rules=MAP {HOST} 127.0.0.1",
)
WIDE = (1280, 900)
PHONE = (360, 740)
NARROW = (320, 640)
"""What is left of 1280 pixels at 400 % zoom."""
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
COLOURS = ["color-contrast", "link-in-text-block"]
"""The rules of axe that a theme can break."""
NOTE_VIOLATIONS = """
globalThis.refusals = [];
addEventListener("securitypolicyviolation", (event) => {
    refusals.push(`${event.violatedDirective}: ${event.blockedURI}`);
}, true);
"""
SPACING = """() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(`
        * { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important }
        p { margin-block-end: 2em !important }`);
    document.adoptedStyleSheets = [sheet];
}"""
"""The text spacing that WCAG 1.4.12 asks a page to bear."""
WIDER = """() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    return [...document.body.querySelectorAll("*")].filter((each) => each.getBoundingClientRect().right > width + 1)
        .slice(0, 5).map((each) => each.outerHTML.slice(0, 160));
}"""
AXE = """async (options) => (await axe.run(document, options)).violations.map((each) => {
    const nodes = each.nodes.slice(0, 3).map((node) => `${node.html.slice(0, 200)} ${node.failureSummary}`);
    return `${each.id}: ${each.help}: ${nodes.join(" | ")}`;
})"""


@contextmanager
def run_chromium(path: str) -> Iterator[Chromium]:
    """The Chromium of the system, without a window."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=OPTIONS)
        yield chromium
        chromium.close()


class Watched:
    """A browser of one person, of whom everything is noted that a page must not do."""

    def __init__(self, chromium: Chromium, url: str, *, script: bool = True, language: str = "en") -> None:
        self.url = url
        self.refused: list[str] = []
        """Scripts that ran, errors, dialogs, and what the content security policy stopped."""
        self.requests: list[str] = []
        width, height = WIDE
        self.context: BrowserContext = chromium.new_context(
            java_script_enabled=script,
            locale=language,
            viewport={"width": width, "height": height},
            reduced_motion="reduce",
            ignore_https_errors=True,
        )
        self.context.set_default_timeout(15_000)
        self.context.add_init_script(NOTE_VIOLATIONS)
        self.context.on("request", self._note_request)
        self.context.on("console", self._note_console)
        self.context.on("weberror", lambda error: self.refused.append(f"error: {error.error}"))
        self.context.on("dialog", self._note_dialog)
        self.page: Page = self.context.new_page()
        self.has_script = script

    def sign_in(self, cookie: str, session: str) -> None:
        """With a session that is there already."""
        secure = self.url.replace("http:", "https:")
        self.context.add_cookies([{"name": cookie, "value": session, "url": secure, "secure": True, "httpOnly": True}])

    def go(self, path: str, *, status: int = 200) -> Page:
        """Open a page."""
        answer = self.page.goto(self.url + path)
        assert answer is not None and answer.status == status, f"{path} answered {answer and answer.status}"
        return self.page

    def resize(self, size: tuple[int, int]) -> None:
        self.page.set_viewport_size({"width": size[0], "height": size[1]})

    def theme(self, theme: Theme) -> None:
        """As the system has it."""
        self.page.emulate_media(color_scheme=theme)

    def violations(self, *, rules: list[str] | None = None) -> list[str]:
        """What axe finds, by every rule of ``TAGS`` or by some."""
        if not self.page.evaluate("() => Boolean(globalThis.axe)"):
            self.page.evaluate(AXE_SCRIPT)
        only = {"type": "rule", "values": rules} if rules else {"type": "tag", "values": TAGS}
        found: list[str] = self.page.evaluate(AXE, {"runOnly": only, "resultTypes": ["violations"]})
        return found

    def wider(self) -> list[str]:
        """What makes the page wider than the window."""
        found: list[str] = self.page.evaluate(WIDER)
        return found

    def space_out(self) -> None:
        """Give the text the spacing that WCAG asks for."""
        self.page.evaluate(SPACING)

    def collect(self) -> list[str]:
        """What was noted until now, and is forgotten with this."""
        stopped: list[str] = []
        if self.has_script:
            stopped = self.page.evaluate("() => globalThis.refusals ? refusals.splice(0) : []")
        found, self.refused = [*self.refused, *stopped], []
        return found

    def devtools(self) -> CDPSession:
        """For what Playwright has no call for."""
        return self.context.new_cdp_session(self.page)

    def close(self) -> None:
        self.context.close()

    def _note_request(self, request: Request) -> None:
        self.requests.append(request.url)
        if urlsplit(request.url).netloc != urlsplit(self.url).netloc:
            self.refused.append(f"request: {request.url}")

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and "the server responded with a status of 4" not in message.text:
            self.refused.append(f"console: {message.text}")

    def _note_dialog(self, dialog: Dialog) -> None:
        self.refused.append(f"dialog: {dialog.message}")
        dialog.dismiss()


def focused(page: Page) -> Any:
    """What has the focus: its id, or what it is called."""
    return page.evaluate("() => document.activeElement.id || document.activeElement.textContent.trim()")
