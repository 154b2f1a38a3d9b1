"""Networks of Lightning Pose: its program ``litpose`` checked, run and followed from here.

``litpose`` lives in an environment of its own and is only ever run as a program; nothing here
imports torch.
"""
