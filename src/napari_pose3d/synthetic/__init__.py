"""An animal on video whose positions are known: the sample session, and the truth for tests.

`scene` moves the animal and sets up the cameras, `render` videos it, `predictions` plays a network
that errs in known ways, `sample` lays all of it out as a Lightning Pose project.
"""
