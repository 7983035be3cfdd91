"""Write the pages that are made of data: docs/codes from the catalogue, docs/reference from the schemas.

With --check, only say whether they are up to date.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

sys.path.insert(0, str(ROOT / "tools"))
from schema_pages import Page, text_of  # noqa: E402

from nimhelm.assets import schema  # noqa: E402
from nimhelm.explain.catalogue import Entry, catalogue, example_of  # noqa: E402
from nimhelm.schemas import of_values  # noqa: E402

DOCS = ROOT / "docs"
MADE = ("codes", "reference")
"""The folders that hold such pages and no others."""
PLACES = {
    "spec": ", below `spec` of a service",
    "pipeline": ", below `spec` of the NIMPipeline",
    "values": ", in a values file",
}
PIPELINE = """\
Every field of a NIMPipeline, of the services in it, and of a NIMService, whose `spec` has the fields of `service` below.
Only fields marked as required must be written. An unknown field is an error (NH010).

`nimhelm schema pipeline` prints the JSON schema that this page is made from."""
NIMCACHE = """\
Every field of a NIMCache. [Model caches](../caches.md) says how caches are filled.

`nimhelm schema nimcache` prints the JSON schema that this page is made from."""
VALUES = """\
Every value of a chart. `SERVICE` stands for the name of a service. An unknown value is an error, in Helm and in
`nimhelm validate --values`.

`nimhelm schema values` prints the JSON schema that this page is made from."""


def pages() -> dict[str, str]:
    """Path below docs -> text."""
    entries = catalogue().values()
    made = {f"codes/{entry.code}.md": page(entry) for entry in entries}
    made |= {f"reference/{name}.md": text_of(reference) for name, reference in references().items()}
    return made | {"codes/README.md": index(list(entries))}


def references() -> dict[str, Page]:
    """File name -> page of a schema."""
    return {
        "pipeline": Page(
            "Fields of a NIMPipeline", PIPELINE, schema("pipeline"), (("spec.services[].spec", "service"),)
        ),
        "nimcache": Page("Fields of a NIMCache", NIMCACHE, schema("nimcache")),
        "values": Page("Values of a chart", VALUES, of_values()),
    }


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
    found = (path for folder in MADE for path in (DOCS / folder).glob("*.md"))
    kept = {path.relative_to(DOCS).as_posix(): path.read_text(encoding="utf-8") for path in found}
    if "--check" in sys.argv[1:]:
        wrong = sorted(name for name in {*made, *kept} if made.get(name) != kept.get(name))
        print("".join(f"docs/{name} is not up to date\n" for name in wrong), end="")
        if wrong:
            print("run: make docs")
        return 1 if wrong else 0
    for name in kept.keys() - made.keys():
        (DOCS / name).unlink()
    for name, text in made.items():
        (DOCS / name).parent.mkdir(parents=True, exist_ok=True)
        (DOCS / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
