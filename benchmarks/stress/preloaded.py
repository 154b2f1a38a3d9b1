"""What the children of the trials of saving need, loaded once before they are forked."""

import napari_pose3d.core.labels.labeling
import napari_pose3d.core.projects.project

__all__ = ["napari_pose3d"]
