"""The job scripts in the documentation, as text."""

from __future__ import annotations

import shlex
import signal
import subprocess

import pytest
from tests.support.documents.doc_blocks import blocks_of
from tests.support.paths import REPO

SCRIPTS = [
    each for each in blocks_of(REPO / "docs" / "batch.md") if each.text.startswith("#!/usr/bin/env")
]


def test_the_job_array_is_a_script_with_our_command() -> None:
    [script] = [each.text for each in SCRIPTS if "--array" in each.text]
    assert subprocess.run(["bash", "-n"], input=script, text=True).returncode == 0
    command = script[script.index("napari-pose3d") :].replace("\\\n", " ")
    from napari_pose3d.cli import _parser

    options = _parser().parse_args(shlex.split(command)[1:])
    assert options.workers == 1
    assert options.threads == 2
    assert options.memory == 3.5


@pytest.mark.parametrize(
    ("name", "marks"),
    [
        ("SLURMCluster", ["#SBATCH -p normal", "#SBATCH --cpus-per-task=1", "#SBATCH -t 04:00:00"]),
        ("PBSCluster", ["#PBS -q normal", "#PBS -l walltime=04:00:00"]),
        ("LSFCluster", ["#BSUB -q normal", "#BSUB -W 04:00"]),
    ],
)
def test_the_script_of_a_queue(name: str, marks: list[str]) -> None:
    interrupted = signal.getsignal(signal.SIGINT)
    jobqueue = pytest.importorskip("dask_jobqueue")
    # It changes what Ctrl-C does to whoever imports it.
    signal.signal(signal.SIGINT, interrupted)
    [block] = [
        each for each in blocks_of(REPO / "docs" / "batch.md") if "dask_jobqueue" in each.text
    ]
    call = block.text[block.text.index("SLURMCluster(\n") : block.text.index("cluster.adapt")]
    make = call.replace("SLURMCluster", "jobqueue." + name)
    walltime = "04:00" if name == "LSFCluster" else "04:00:00"
    cluster = eval(make.replace("04:00:00", walltime), {"jobqueue": jobqueue})
    script = cluster.job_script()
    cluster.close()
    for mark in [*marks, "source /shared/venvs/pose3d/bin/activate", "--nthreads 1"]:
        assert mark in script
