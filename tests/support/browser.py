"""A page in a browser, and what goes on in it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


def watched(browser: "Browser") -> "tuple[Page, list[str], list[str]]":
    """Return a new page, with lists of what its console and its errors will say and of what it will ask a network."""
    page, complaints, requests = browser.new_page(), list[str](), list[str]()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url) if _is_foreign(request.url) else None)
    return page, complaints, requests


def _is_foreign(url: str) -> bool:
    return not url.startswith(("file:", "data:", "blob:"))
