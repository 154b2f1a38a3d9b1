"""What is known of one network, in lines for the command line and for napari."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari_pose3d.errors import PoseDataError
from napari_pose3d.wording import counted

from ..configuration.config_file import value_at
from ..runs.training_record import TrainingRecord, file_hash
from .model_list import Network, NetworkEnsemble


def network_lines(network: Network, ensembles: Sequence[NetworkEnsemble] = ()) -> list[str]:
    """Kind, data, what it continues, changed settings and failures; what is wrong, if damaged.

    Parameters
    ----------
    ensembles : sequence of NetworkEnsemble
        Of the project; those that it belongs to are named.
    """
    if network.problem:
        return [network.problem]
    config = network.config
    kind, backbone = value_at(config, "model.model_type"), value_at(config, "model.backbone")
    lines = []
    if kind:
        lines.append(f"{kind}, {backbone}, seed {value_at(config, 'training.rng_seed_model_pt')}")
    if network.record is not None:
        lines += _record_lines(network.record)
    for ensemble in ensembles:
        if network.name in ensemble.members and len(ensemble.members) > 1:
            lines.append(f"in the ensemble {ensemble.name} ({len(ensemble.members)} networks)")
    try:
        for each in network.changed_settings():
            is_now = f"is {each.effective}" if each.effective else "is not there"
            lines.append(f"{each.key} was asked to be {each.asked} and {is_now}")
    except PoseDataError as error:
        lines.append(str(error))
    if network.state.failure is not None:
        lines.append(str(network.state.failure))
    return lines


def _changed_labels(record: TrainingRecord) -> list[str]:
    """Names of label files that are others now than when they were trained on, or gone."""
    found = []
    for name, content in record.labels.items():
        path = Path(name)
        try:
            same = file_hash(path) == content
        except PoseDataError:
            same = False
        if not same:
            found.append(path.name)
    return found


def _record_lines(record: TrainingRecord) -> list[str]:
    files = counted(len(record.labels), "label file")
    if record.distilled:
        files = f"the distilled set {record.distilled}"
    when = f" ({record.created[:10]})" if record.created else ""
    lines = [f"trained on {counted(record.n_frames, 'frame')} of {files}{when}"]
    changed = _changed_labels(record)
    if changed:
        lines.append(f"changed since then: {', '.join(changed)}")
    if record.filled:
        views = counted(record.filled, "view of a frame", "views of frames")
        lines.append(f"{views} had projected positions, not learned")
    if record.left_out:
        lines.append(f"{counted(record.left_out, 'frame')} could not be trained on")
    if record.continued_from:
        lines.append(f"continued from {Path(record.continued_from).name}")
    if record.place:
        lines.append(f"runs at {record.place}")
    return lines
