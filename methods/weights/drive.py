"""Google Drive's pages in the place of a file: the question whether to download it all the same, and the quota."""

from html.parser import HTMLParser
from urllib.parse import urlencode, urljoin, urlsplit

from bench.spec import MissingWeights

LARGEST = 1 << 20
"""The most bytes of a page that are read."""
_FORM = "download-form"
_HOST = "drive.usercontent.google.com"  # where the form of drive.google.com leads


def confirmed(page: str, address: str) -> str | None:
    """Return the address that the page's question, "can't scan this file for viruses", leads to; None if it has none.

    `address` is that of the page. Raises `MissingWeights` for the page that says that too many people had the file.
    """
    if "Quota exceeded" in page or "Too many users have viewed or downloaded" in page:
        raise MissingWeights(
            f"{address}: Google Drive's quota of this file is used up. It comes back within a day: fetch again then, "
            "or sign in with a browser, make a copy in a Drive of your own and download that"
        )
    form = _Form()
    form.feed(page)
    if form.action is None:
        return None
    action = urljoin(address, form.action)
    if urlsplit(action).hostname not in (urlsplit(address).hostname, _HOST):
        return None
    return f"{action}?{urlencode(form.fields)}"


class _Form(HTMLParser):
    """Finds the form of the question and its hidden fields."""

    def __init__(self) -> None:
        """Begin before the form."""
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take the action of the form, and the fields behind its beginning."""
        found = {name: value or "" for name, value in attrs}
        if tag == "form" and found.get("id") == _FORM:
            self.action = found.get("action", "")
        elif tag == "input" and self.action is not None and found.get("type") == "hidden" and "name" in found:
            self.fields[found["name"]] = found.get("value", "")
