"""Any video, any frame, exactly.

`array` is what users get; `index` says which packet is frame n, `decoder` reads with certainty,
`lane` goes from a keyframe to a frame, `damage` finds what cannot be read, `reader` and `cache`
make it fast.
"""
