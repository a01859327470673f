"""Links in the description of a run or group to pages that are added to it later, such as its analysis."""

import re
from pathlib import PurePosixPath

from overthink.store import tags

TITLES = {tags.ANALYSIS_PAGE: "analysis"}
"""Of pages that are not called by the name of their file."""
_PAGES = re.compile(r"^More pages: .*\.$", re.MULTILINE)


def with_page(note: str, name: str, address: str) -> str:
    """Return a description with a link to a page, as it is where it has one.

    >>> with_page("A run.", "analysis/report.html", "#/a").splitlines()
    ['A run.', '', 'More pages: [report](#/a).']
    """
    link, found = f"[{TITLES.get(name, PurePosixPath(name).stem)}]({address})", _PAGES.search(note)
    if link in note:
        return note
    if found is None:
        return f"{note}\n\nMore pages: {link}.".lstrip()
    return note.replace(found[0], f"{found[0][:-1]}, {link}.")


def with_pages_of(earlier: str, note: str) -> str:
    """Return a new description with the links to pages that an earlier one has."""
    found = _PAGES.search(earlier)
    return note if found is None else f"{note}\n\n{found[0]}"
