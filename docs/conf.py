"""The documentation as a site: ``make docs``."""

from __future__ import annotations

from napari_pose3d import __version__

project = "napari-pose3d"
author = "The napari-pose3d developers"
release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "numpydoc"]
# Links to headings are written as GitHub names them.
myst_heading_anchors = 4
# The docstrings give shapes and units, which annotations cannot.
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}
numpydoc_show_class_members = False
python_maximum_signature_line_length = 80

html_theme = "furo"
html_title = "napari-pose3d"
html_show_sourcelink = False
html_theme_options = {"navigation_with_keys": True}
