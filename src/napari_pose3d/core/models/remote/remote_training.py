"""Plain commands of ssh, rsync and sbatch that train on another machine, shown before they run."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from napari_pose3d.core.storage.input_files import read_text
from napari_pose3d.errors import PoseDataError
from napari_pose3d.wording import counted

from ..runs.model_folder import ERROR_LOG, OUT_LOG, STATUS
from ..runs.training_record import REMOTE_CONFIG
from ..runs.training_start import MODELS
from .remote_files import needed_files, write_remote_config
from .remote_place import RemotePlace

_SECONDS = 24 * 3600
SCRIPT = "train.sbatch"
FILE_LIST = "remote_files.txt"
_NEEDED = "command"
# A training removes its older weights; rsync says so with this code when it had listed them.
_RSYNC_VANISHED = 24


@dataclass(frozen=True)
class Step:
    """A command of the user's own programs, what it is for, and the exit codes that are good."""

    purpose: str
    command: tuple[str, ...]
    good: tuple[int, ...] = (0,)

    def __str__(self) -> str:
        return shlex.join(self.command)


def ssh_steps(
    project: Path, networks: Sequence[Path], place: RemotePlace, litpose: str = "litpose"
) -> tuple[Step, ...]:
    """Commands that copy what is needed and start the trainings, one after the other.

    The training goes on when the connection ends.

    Parameters
    ----------
    project : Path
        Absolute.
    networks : sequence of Path
        Prepared folders in its ``models``.
    place : RemotePlace
        The project is copied to its folder.
    litpose : str
        The program there.

    Raises
    ------
    PoseDataError
        A file lies outside of the project, or cannot be written.
    """
    steps = [*_copy_steps(project, networks, place)]
    trainings = "; ".join(_train_line(place.folder, each, litpose) for each in networks)
    detached = f"nohup sh -c {shlex.quote(trainings)} > /dev/null 2>&1 < /dev/null &"
    steps.append(Step("train in the background there", (*_ssh(place), place.host, detached)))
    return tuple(steps)


def slurm_script(template: Path, project: str, networks: Sequence[Path], litpose: str) -> str:
    """A batch script from a template of the user's.

    Parameters
    ----------
    template : Path
        A script of sbatch in which ``$command`` stands for the trainings; ``$name`` and
        ``$project`` may be used as well, and ``$$`` for a dollar sign.
    project : str
        The folder of the project where the job runs.
    networks : sequence of Path
    litpose : str
        The program there.

    Raises
    ------
    PoseDataError
        It cannot be read, has no ``$command``, or names something that is not known.
    """
    text = Template(read_text(template))
    names = text.get_identifiers()
    known = {_NEEDED, "name", "project"}
    if _NEEDED not in names or not text.is_valid() or set(names) - known:
        unknown = sorted(set(names) - known)
        raise PoseDataError(
            f"${unknown[0]} is not known" if unknown else "the template has no $command",
            file=template,
            expected="$command, and perhaps $name and $project; $$ for a dollar sign",
        )
    lines = [_train_line(project, each, litpose) for each in networks]
    return text.substitute(command="\n".join(lines), name=networks[0].name, project=project)


def slurm_steps(
    project: Path, networks: Sequence[Path], template: Path, litpose: str = "litpose"
) -> tuple[Step, ...]:
    """Commands that hand the trainings to Slurm on this machine, whose nodes see the project.

    Raises
    ------
    PoseDataError
        See `slurm_script`.
    """
    for each in networks:
        write_remote_config(project, each, str(project))
    path = networks[0] / SCRIPT
    text = slurm_script(template, str(project), networks, litpose)
    path.write_text(text, encoding="utf-8")
    return (Step("hand it to Slurm", ("sbatch", str(path))),)


def fetch_steps(project: Path, network: Path, place: RemotePlace) -> tuple[Step, ...]:
    """Commands that fetch what a training has written so far; it may go on meanwhile.

    Its state is fetched before all else: where it says that the training is done, the files listed
    afterwards are the last ones.
    """
    ends = (
        f"{place.host}:{place.folder}/{MODELS}/{network.name}/",
        f"{project / MODELS / network.name}/",
    )
    copy = ("rsync", "-az", *_rsync_shell(place))
    return (
        Step(
            f"fetch the state of {network.name}",
            (*copy, f"--include=/{STATUS}", "--exclude=*", *ends),
            (0, _RSYNC_VANISHED),
        ),
        Step(
            f"fetch {network.name}",
            (*copy, f"--exclude=/{STATUS}", *ends),
            (0, _RSYNC_VANISHED),
        ),
    )


def run_steps(steps: Sequence[Step], show: Callable[[Step], None]) -> str:
    """Show and run each command; the output of the last one.

    Raises
    ------
    PoseDataError
        A program is missing, or a command fails; those behind it are not run.
    """
    answer = ""
    for step in steps:
        show(step)
        if shutil.which(step.command[0]) is None:
            raise PoseDataError(
                f"the program {step.command[0]} is not installed here",
                todo="Install it, or run the commands where it is",
            )
        try:
            done = subprocess.run(
                step.command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_SECONDS,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise PoseDataError(
                f"'{step}' cannot be run ({error})",
                todo="Run this command in a terminal to see more",
            ) from error
        if done.returncode not in step.good:
            lines = (done.stderr or done.stdout).strip().splitlines()
            why = lines[-1][:300] if lines else f"exit code {done.returncode}"
            raise PoseDataError(
                f"{step.purpose} failed ({why})",
                place=str(step),
                todo="Try this command in a terminal; ssh must get in without asking",
            )
        answer = done.stdout.strip()
    return answer


def _copy_steps(project: Path, networks: Sequence[Path], place: RemotePlace) -> tuple[Step, ...]:
    files: dict[str, None] = {}
    for each in networks:
        for path in needed_files(project, each):
            files.setdefault(str(path))
        remote = write_remote_config(project, each, place.folder)
        files.setdefault(remote.relative_to(project).as_posix())
    listed = networks[0] / FILE_LIST
    listed.write_text("".join(f"{name}\n" for name in files), encoding="utf-8")
    # litpose wants the folder of videos to be there, though it reads none.
    made = f"mkdir -p {shlex.quote(place.folder + '/videos')}"
    return (
        Step("make the folder there", (*_ssh(place), place.host, made)),
        Step(
            f"copy {counted(len(files), 'file')}",
            (
                "rsync",
                "-az",
                *_rsync_shell(place),
                f"--files-from={listed}",
                f"{project}/",
                f"{place.host}:{place.folder}/",
            ),
        ),
    )


def _train_line(project: str, network: Path, litpose: str) -> str:
    """A line of shell that trains a network in a folder that holds its configuration."""
    folder = f"{project}/{MODELS}/{network.name}"
    config = f"{folder}/{REMOTE_CONFIG}"
    command = shlex.join([litpose, "train", config, "--output_dir", folder])
    quoted = shlex.quote(folder)
    return f"cd {quoted} && {command} > {OUT_LOG} 2> {ERROR_LOG} < /dev/null"


def _ssh(place: RemotePlace) -> tuple[str, ...]:
    port = () if place.port is None else ("-p", str(place.port))
    # Never a question that nobody sees.
    return ("ssh", "-o", "BatchMode=yes", *port)


def _rsync_shell(place: RemotePlace) -> tuple[str, ...]:
    return ("-e", shlex.join(_ssh(place)))
