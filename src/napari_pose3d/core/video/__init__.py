"""Any video, any frame, exactly.

Notes
-----
`video_array` is what users get. `index` holds which packet is frame n. In `decode`, the decoder
reads packets and compares them with the index, a cursor goes from a keyframe to a frame, `damage`
finds what cannot be read, and the reader, its cache and the prefetcher make it fast.
"""
