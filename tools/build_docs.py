"""Write docs/codes: a page for each code of the catalogue, and an index. With --check, only say whether they are up to date."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from nimhelm.explain.catalogue import Entry, catalogue, example_of  # noqa: E402

FOLDER = ROOT / "docs" / "codes"
PLACES = {
    "spec": ", below `spec` of a service",
    "pipeline": ", below `spec` of the NIMPipeline",
    "values": ", in a values file",
}


def pages() -> dict[str, str]:
    """File name -> text."""
    entries = catalogue().values()
    made = {f"{entry.code}.md": page(entry) for entry in entries}
    return made | {"README.md": index(list(entries))}


def page(entry: Entry) -> str:
    language = "yaml" if "validate" in entry.seen else "text"
    shown = [f"Example{PLACES.get(entry.within, '')}:", "", f"```{language}", example_of(entry).rstrip("\n"), "```"]
    if entry.instead:
        shown += ["", "Instead:", "", "```yaml", example_of(entry, entry.instead).rstrip("\n"), "```"]
    seen = " and ".join(f"`nimhelm {command}`" for command in entry.seen)
    parts = [
        f"# {entry.code}: {entry.title}",
        "",
        f"Shown by {seen}.",
        "",
        entry.means,
        "",
        f"**Why it matters.** {entry.why}",
    ]
    return "\n".join([*parts, "", f"**How to fix it.** {entry.fix}", "", *shown]) + "\n"


def index(entries: list[Entry]) -> str:
    rows = [f"| [{each.code}]({each.code}.md) | {each.title} | {', '.join(each.seen)} |" for each in entries]
    head = [
        "# Codes",
        "",
        "`nimhelm explain CODE` prints each of these pages.",
        "",
        "| code | what it means | shown by |",
        "|---|---|---|",
    ]
    return "\n".join([*head, *rows]) + "\n"


def main() -> int:
    made = pages()
    kept = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")}
    if "--check" in sys.argv[1:]:
        wrong = sorted(name for name in {*made, *kept} if made.get(name) != kept.get(name))
        print("".join(f"docs/codes/{name} is not what the catalogue makes of it\n" for name in wrong), end="")
        if wrong:
            print("run: make docs")
        return 1 if wrong else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in kept.keys() - made.keys():
        (FOLDER / name).unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
