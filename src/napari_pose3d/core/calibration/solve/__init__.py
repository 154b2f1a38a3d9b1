"""From observed board corners to a rig: initial poses, bundle adjustment, the cameras' clocks."""
