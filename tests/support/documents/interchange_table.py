"""The table of formats in ``docs/interchange.md``, from the code's table and what the peers proved.

``python -m tests.support.documents.interchange_table`` writes it into the page.
"""

from __future__ import annotations

import json
import re

from napari_pose3d.core.pipeline.exchange.format_table import FORMATS
from tests.support.paths import REPO

PAGE = REPO / "docs" / "interchange.md"
PROOFS = REPO / "docs" / "interchange-proofs.json"
_BETWEEN = re.compile(r"(<!-- formats -->\n).*?(<!-- end -->)", re.DOTALL)


def table() -> str:
    proofs = json.loads(PROOFS.read_text(encoding="utf-8"))
    lines = [
        "| `--format` | what it is | for | a file holds | extra | read by, in our tests |",
        "|---|---|---|---|---|---|",
    ]
    for key, each in FORMATS.items():
        readers = ", ".join(f"{name} {version}" for name, version in proofs.get(key, {}).items())
        lines.append(
            f"| `{key}` | {each.title} | {each.content} | {', '.join(each.holds())} | "
            f"{f'`{each.extra}`' if each.extra else '-'} | {readers or '-'} |"
        )
    return "\n".join(lines)


def page_with_table(page: str) -> str:
    return _BETWEEN.sub(lambda found: f"{found[1]}{table()}\n{found[2]}", page)


if __name__ == "__main__":
    PAGE.write_text(page_with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
