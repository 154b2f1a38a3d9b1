"""Who sits before the screen."""

from __future__ import annotations

import getpass


def user_name() -> str:
    """The name that the system knows; empty where it knows none, as in a container."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
