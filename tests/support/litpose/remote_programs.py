"""Stand-ins for ssh, rsync and sbatch; they note how they were called in ``FAKE_LOG``."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.support.projects.session_files import touch

# The other machine is a folder: what ssh is given to run runs here, and rsync copies. Its exit
# code is 24 where a file vanished that it had listed.
SSH = """#!/bin/sh
echo "ssh $*" >> "$FAKE_LOG"
[ -n "$FAKE_SSH_FAILS" ] && { echo "Permission denied (publickey)." >&2; exit 255; }
while [ "$1" != "${FAKE_HOST:-far}" ]; do shift; done
shift
exec sh -c "$*"
"""
RSYNC = f"""#!{sys.executable}
import os, shutil, sys
from pathlib import Path
with open(os.environ["FAKE_LOG"], "a") as log:
    log.write("rsync " + " ".join(sys.argv[1:]) + "\\n")
source, target = (a.split(":", 1)[-1] for a in sys.argv[-2:])
listed = [a for a in sys.argv if a.startswith("--files-from=")]
if listed:
    names = Path(listed[0].split("=", 1)[1]).read_text().splitlines()
else:
    names = [str(p.relative_to(source)) for p in Path(source).rglob("*") if p.is_file()]
    names += filter(None, [os.environ.get("FAKE_RSYNC_LISTS")])
    rules = [a[2:].split("=/", 1) for a in sys.argv if a.startswith(("--include=/", "--exclude=/"))]
    for kind, path in rules:
        names = [name for name in names if (name == path) == (kind == "include")]
vanished = False
for name in names:
    place = Path(target) / name
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copy2(Path(source) / name, place)
    except FileNotFoundError:
        vanished = True
sys.exit(24 if vanished else 0)
"""
SBATCH = """#!/bin/sh
echo "sbatch $*" >> "$FAKE_LOG"
sh "$1"
echo "Submitted batch job 42"
"""


def remote_programs(folder: Path) -> Path:
    """The folder with the three programs, for ``PATH``; the host is ``FAKE_HOST``, or ``far``."""
    for name, text in (("ssh", SSH), ("rsync", RSYNC), ("sbatch", SBATCH)):
        touch(folder / name, text).chmod(0o755)
    return folder
