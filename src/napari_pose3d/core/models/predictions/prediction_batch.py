"""How many frames are predicted at once, by the memory that is there."""

from __future__ import annotations

import psutil

from ..configuration.config_file import Config, value_at
from ..configuration.image_size import resized_area
from ..installation.litpose_facts import LitposeFacts

MOST = 96
"""What ``litpose`` takes by default: 7.9 GB with four views on a CPU."""
MOST_ON_A_CPU = 8
"""More is not faster there."""

# Measured with ResNet-50, images of 256 px and four views: 2.0 GB at 8 frames, 7.9 GB at 96.
_PER_IMAGE = 17e6
_CONSTANT = 1.5e9
_SHARE = 0.6


def prediction_batch(config: Config, facts: LitposeFacts | None) -> int:
    """Frames (with all their views) in a batch.

    Parameters
    ----------
    config : Config
        Of the network.
    facts : LitposeFacts or None
        None: as on a CPU.
    """
    gpu = facts is not None and bool(facts.gpus)
    memory = (
        facts.gpus[0].memory if facts is not None and gpu else psutil.virtual_memory().available
    )
    names = value_at(config, "data.view_names")
    views = max(1, len(names)) if isinstance(names, list) else 1
    fitting = int((_SHARE * memory - _CONSTANT) / (_PER_IMAGE * views * resized_area(config)))
    return max(1, min(fitting, MOST if gpu else MOST_ON_A_CPU))
