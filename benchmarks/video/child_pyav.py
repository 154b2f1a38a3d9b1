"""Times the video reader of napari-pyav; run by ``video_speed.py`` with that reader's own Python.

    python child_pyav.py VIDEO '{"order": [0, 1, 2]}'

Prints, as JSON, the seconds that reading each list of frames takes, the reader opened before.
"""

import json
import sys
import time

from napari_pyav._reader import FastVideoReader


def main() -> None:
    video, tasks = sys.argv[1], json.loads(sys.argv[2])
    seconds = {}
    for name, frames in tasks.items():
        with FastVideoReader(video) as reader:
            reader[0]
            begun = time.perf_counter()
            for n in frames:
                reader[n]
            seconds[name] = time.perf_counter() - begun
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
