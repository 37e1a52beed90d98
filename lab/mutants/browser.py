"""What makes the admin's pages usable by everybody: taken out one by one, seen by a browser."""

from __future__ import annotations

from lab.mutants.mutant import Mutant

PAGES = "lab/browser/tests/test_every_page.py"
KEYBOARD = "lab/browser/tests/test_keyboard.py"
NARROW = "lab/browser/tests/test_narrow.py"
TEMPLATES = "qhse/adminsite/templates"
THEME = "qhse/adminsite/static/adminsite/theme.css"

MUTANTS = (
    Mutant(
        "login-button-hard-to-read", THEME,
        ".submit-row input.default { color: #fff;", ".submit-row input.default { color: #1c2733;",
        f"{PAGES} -k TestALogin -m browser",
    ),
    Mutant(
        "breadcrumbs-by-colour-alone", THEME, ".breadcrumbs a, :is(.empty", ":is(.empty",
        f"{PAGES} -k searched -m browser",
    ),
    Mutant(
        "choice-of-a-supplier-without-name", "qhse/adminsite/static/adminsite/combobox.js",
        'box.setAttribute("aria-labelledby"', 'box.setAttribute("data-nothing"', f"{KEYBOARD} -k its_label -m browser",
    ),
    Mutant(
        "wide-table-out-of-reach", f"{TEMPLATES}/admin/change_list_results.html",
        ' tabindex="0"><table', "><table", f"{KEYBOARD} -k arrow_keys -m browser",
    ),
    Mutant(
        "summary-of-errors-without-the-focus", f"{TEMPLATES}/adminsite/error_summary.html",
        ' tabindex="-1" autofocus', "", f"{PAGES} -k TestEveryForm -m browser",
    ),
    Mutant(
        "login-wider-than-a-phone", THEME, "width: 24rem; min-width: 0; max-width: 100%;", "width: 24rem;",
        f"{NARROW} -k TestALogin -m browser",
    ),
    Mutant(
        "filters-above-every-list", f"{TEMPLATES}/admin/change_list.html",
        '<details class="filters">', '<details class="filters" open>', f"{NARROW} -k folded -m browser",
    ),
    Mutant(
        "refusal-without-menu", "qhse/refused_pages.py",
        "if known else {}", "if known and status == 200 else {}", f"{PAGES} -k TestRefusals -m browser",
    ),
)  # fmt: skip
