# ruff: noqa: INP001 - a script, not a package
"""Keeps the catalog: `extract` renews the .po file's msgids, `compile` writes the .mo, `missing` lists what has no translation."""

import ast
import sys
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
PO_FILE = ROOT / "dashboards/web/locale/zh_CN/LC_MESSAGES/caretaker.po"
MO_FILE = PO_FILE.with_suffix(".mo")
CORE_PACKAGES = ("analytics/detectors", "analytics", "alerts", "maintenance", "api", "runtime/roles")
SPOKEN_NAMES = frozenset({"message", "cause", "advice", "reason", "resolution", "hold_reason", "first_steps", "note"})
"""Keyword arguments, variables, fields and dictionary keys whose texts people read."""

SENTENCE_FILES = ("alerts/rules.py", "analytics/detectors/*.py", "devices/hand_reading.py")
"""Files that hold such sentences in tables: every text of theirs that begins like one counts."""

METHODS = [("**/templates/**.html", "jinja2"), ("**.py", "python")]
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None}


def screen_messages() -> Iterator[tuple[str | tuple[str, ...], str]]:
    """(msgid, place) of the pages' own words."""
    options = {"**/templates/**.html": {"newstyle_gettext": "true", "silent": "false"}}
    for file, line, message, _, _ in extract_from_dir(ROOT / "dashboards/web", METHODS, options, KEYWORDS):
        yield message, f"dashboards/web/{file}:{line}"


def spoken_messages() -> Iterator[tuple[str, str]]:
    """(msgid, place) of what detectors, alerts and orders say: English sentences given as `message`, `cause`, `advice`, ..."""
    for package in CORE_PACKAGES:
        for path in sorted((ROOT / package).glob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                for text, line in _texts_of(node):
                    yield text, f"{path.relative_to(ROOT)}:{line}"

    for pattern in SENTENCE_FILES:
        for path in sorted(ROOT.glob(pattern)):
            for text, line in _plain_texts(ast.parse(path.read_text(encoding="utf-8"))):
                if text[0].isupper() and "\n" not in text:
                    yield text, f"{path.relative_to(ROOT)}:{line}"


def _plain_texts(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Texts that are neither docstrings nor parts of errors."""
    silent = {id(part) for node in ast.walk(tree) if isinstance(node, ast.Expr | ast.Raise) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.expr) and id(node) not in silent:
            yield from ((text, line) for text, line in _sentences(node) if isinstance(node, ast.Constant))


def _texts_of(node: ast.AST) -> Iterator[tuple[str, int]]:
    if isinstance(node, ast.keyword) and node.arg in SPOKEN_NAMES:
        yield from _sentences(node.value)
    elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if any(isinstance(target, ast.Name) and _is_spoken(target.id) for target in targets):
            yield from _sentences(node.value)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "N_":
        yield from _sentences(*node.args)


def _is_spoken(name: str) -> bool:
    words = name.lower().strip("_")
    return any(
        words == spoken or words.startswith((spoken + "_", spoken + "s")) or words.endswith(("_" + spoken, "_" + spoken + "s"))
        for spoken in SPOKEN_NAMES
    )


def _sentences(*values: ast.AST) -> Iterator[tuple[str, int]]:
    for value in values:
        built = {id(part) for node in ast.walk(value) if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in ast.walk(value):
            if (
                id(node) not in built
                and isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and " " in node.value.strip()
            ):
                yield node.value, node.lineno


def messages() -> dict[str | tuple[str, ...], list[str]]:
    """Every msgid with the places that use it."""
    found: dict[str | tuple[str, ...], list[str]] = {}
    for message, place in (*screen_messages(), *spoken_messages()):
        found.setdefault(message, []).append(place)
    return found


def catalog() -> Catalog:
    with PO_FILE.open("rb") as file:
        return read_po(file, locale="zh_CN")


def missing(book: Catalog, wanted: Iterable[str | tuple[str, ...]]) -> list[str | tuple[str, ...]]:
    """Msgids without a full translation."""
    return [message for message in wanted if not _translated(book, message)]


def _translated(book: Catalog, message: str | tuple[str, ...]) -> bool:
    known = book.get(message if isinstance(message, str) else message[0])
    if known is None or known.fuzzy:
        return False
    return bool(known.string if isinstance(known.string, str) else all(known.string))


def compiled(book: Catalog) -> bytes:
    buffer = BytesIO()
    write_mo(buffer, book)
    return buffer.getvalue()


def extract() -> None:
    """The .po file again, sorted, with exactly the msgids in use."""
    old = catalog() if PO_FILE.exists() else Catalog(locale="zh_CN")
    new = Catalog(locale="zh_CN", project="caretaker", version="1", charset="utf-8", fuzzy=False)
    for message, places in messages().items():
        known = old.get(message if isinstance(message, str) else message[0])
        files = sorted({place.rsplit(":", 1)[0] for place in places})
        new.add(message, known.string if known else None, locations=[(file, 0) for file in files])
    PO_FILE.parent.mkdir(parents=True, exist_ok=True)
    with PO_FILE.open("wb") as file:
        write_po(file, new, sort_output=True, include_lineno=False, width=132, omit_header=False)


def main() -> int:
    task = sys.argv[1] if len(sys.argv) > 1 else ""
    if task == "extract":
        extract()
    elif task == "compile":
        MO_FILE.write_bytes(compiled(catalog()))
    elif task == "missing":
        lacking = missing(catalog(), messages())
        sys.stdout.writelines(f"{message!r}\n" for message in lacking)
        return 1 if lacking else 0
    else:
        sys.stderr.write(f"usage: {sys.argv[0]} extract|compile|missing\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
