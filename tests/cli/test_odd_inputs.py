"""Odd inputs on the command line: read rightly, or refused in words; never something in between."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tables
from numpy.typing import NDArray
from tests.support.recordings.scenes import ring_rig, walk

from napari_pose3d import save_rig
from napari_pose3d.cli import main
from napari_pose3d.core.formats.predictions.poses3d_csv import read_poses3d_csv

VIEWS = ("left", "right", "top")
KEYPOINTS = ("nose", "tail")
N_FRAMES = 30
XYZ = walk(N_FRAMES, len(KEYPOINTS), np.random.default_rng(7))
Change = Callable[[Path], object]


def rig_of(views: tuple[str, ...] = VIEWS):
    rig = ring_rig(len(views))
    named = (replace(c, name=n) for c, n in zip(rig.cameras, views, strict=True))
    return replace(rig, cameras=tuple(named))


def lines(xy: NDArray[np.float64], scorer: str = "net") -> list[str]:
    cells = [f"{n},{n},{n}" for n in KEYPOINTS]
    n = len(KEYPOINTS)
    head = [
        f"scorer,{','.join([scorer] * 3 * n)}",
        f"bodyparts,{','.join(cells)}",
        f"coords{',x,y,likelihood' * n}",
    ]
    rows = [f"{t}," + ",".join(f"{x:.4f},{y:.4f},0.95" for x, y in row) for t, row in enumerate(xy)]
    return [*head, *rows]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three views of one session, without noise, and their calibration."""
    rig = rig_of()
    folder = tmp_path / "run"
    folder.mkdir()
    save_rig(rig, folder / "calibration.toml")
    for view, xy in zip(VIEWS, rig.project(XYZ), strict=True):
        (folder / f"s1_{view}.csv").write_text("\n".join(lines(xy)) + "\n")
    return folder


def each(change: Callable[[str], str | bytes]) -> Change:
    """Change the text of all predictions."""

    def apply(folder: Path) -> None:
        for path in folder.glob("s1_*.csv"):
            text = change(path.read_text())
            path.write_bytes(text if isinstance(text, bytes) else text.encode())

    return apply


def one(change: Callable[[str], str | bytes]) -> Change:
    def apply(folder: Path) -> None:
        path = folder / "s1_right.csv"
        text = change(path.read_text())
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    return apply


def calibration(change: Callable[[str], str | bytes]) -> Change:
    def apply(folder: Path) -> None:
        path = folder / "calibration.toml"
        text = change(path.read_text())
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    return apply


def head(number: int, change: Callable[[str], str]) -> Callable[[str], str]:
    def apply(text: str) -> str:
        all_lines = text.split("\n")
        all_lines[number] = change(all_lines[number])
        return "\n".join(all_lines)

    return apply


def rows_as(change: Callable[[str], str]) -> Callable[[str], str]:
    def apply(text: str) -> str:
        all_lines = text.split("\n")
        return "\n".join([*all_lines[:3], *(change(r) if r else r for r in all_lines[3:])])

    return apply


def headers_in_another_order(text: str) -> str:
    a, b, c, *rest = text.split("\n")
    return "\n".join([b, a, c, *rest])


def quoted(text: str) -> str:
    """Every cell in quotes."""
    return re.sub(r"[^,\n]+", lambda cell: f'"{cell[0]}"', text)


def with_exponents(row: str) -> str:
    return ",".join(f"{float(cell):.9E}" if "." in cell else cell for cell in row.split(","))


def numbered(change: Callable[[int], object]) -> Callable[[str], str]:
    """Other numbers at the beginnings of the rows."""

    def apply(row: str) -> str:
        number, rest = row.split(",", 1)
        return f"{change(int(number))},{rest}"

    return apply


def number(key: str, value: str) -> Change:
    """A number more at the beginning of an array of the calibration."""
    return calibration(lambda t: t.replace(f"{key} = [", f"{key} = [{value}, "))


def cameras_backwards(text: str) -> str:
    return "\n\n".join(reversed(text.strip().split("\n\n"))) + "\n"


def backwards(text: str) -> str:
    *top, last = text.rstrip("\n").split("\n")[:3], text.rstrip("\n").split("\n")[3:]
    return "\n".join([*top[0], *reversed(last)]) + "\n"


def columns_in_another_order(text: str) -> str:
    out = []
    for line in text.rstrip("\n").split("\n"):
        index, x0, y0, l0, x1, y1, l1 = line.split(",")
        out.append(",".join([index, l1, y1, x1, y0, l0, x0]))
    return "\n".join(out) + "\n"


def renamed_nfd(folder: Path) -> None:
    """Composed in the calibration, decomposed in the names of files and once in a keypoint."""
    text = (folder / "calibration.toml").read_text()
    for old, new in (("left", "größe"), ("right", "käfig"), ("top", "été")):
        text = text.replace(f'"{old}"', f'"{new}"')
        path = folder / f"s1_{old}.csv"
        path.rename(folder / f"s1_{unicodedata.normalize('NFD', new)}.csv")
    (folder / "calibration.toml").write_text(text)


def keypoint_nfd(folder: Path) -> None:
    for form, view in (("NFC", "left"), ("NFD", "right"), ("NFC", "top")):
        path = folder / f"s1_{view}.csv"
        path.write_text(path.read_text().replace("tail", unicodedata.normalize(form, "schwänze")))


def h5_empty(folder: Path) -> None:
    (folder / "s1_right.csv").unlink()
    with tables.open_file(folder / "s1_right.h5", "w") as file:
        file.create_group("/", "df_with_missing")


def h5_no_rows(folder: Path) -> None:
    import pandas as pd

    columns = pd.MultiIndex.from_product([["net"], KEYPOINTS, ["x", "y", "likelihood"]])
    columns.names = ["scorer", "bodyparts", "coords"]
    (folder / "s1_right.csv").unlink()
    pd.DataFrame(np.empty((0, 6)), columns=columns).to_hdf(
        folder / "s1_right.h5", key="df_with_missing"
    )


def as_h5(**how: object) -> Change:
    def apply(folder: Path) -> None:
        import pandas as pd

        for path in list(folder.glob("s1_*.csv")):
            frame = pd.read_csv(path, header=[0, 1, 2], index_col=0)
            frame.to_hdf(path.with_suffix(".h5"), key="df_with_missing", **how)  # type: ignore[arg-type]
            path.unlink()

    return apply


def two_tables(first: str, second: str, factor: float) -> Change:
    """DeepLabCut's table and another, in one file, in any order."""

    def apply(folder: Path) -> None:
        import pandas as pd

        for path in list(folder.glob("s1_*.csv")):
            frame = pd.read_csv(path, header=[0, 1, 2], index_col=0)
            for name in (first, second):
                chosen = frame if name == "df_with_missing" else frame * factor
                chosen.to_hdf(path.with_suffix(".h5"), key=name, mode="a")
            path.unlink()

    return apply


def linked(folder: Path) -> None:
    """A link to a folder that holds the link, and one to itself."""
    (folder / "again").symlink_to(folder)
    (folder / "self").symlink_to(folder / "self")
    (folder / "s1_extra.csv").symlink_to(folder / "s1_extra.csv")


def read_only(folder: Path) -> None:
    for path in (folder, *folder.iterdir()):
        path.chmod(0o555 if path.is_dir() else 0o444)


def madlc(suffix: str) -> Change:
    """The names that DeepLabCut gives the tracks of several animals."""

    def apply(folder: Path) -> None:
        scorer = "DLC_hrnet32_boxOct3shuffle2_50000"
        for view in VIEWS:
            path = folder / f"s1_{view}.csv"
            text = path.read_text().replace("net,", f"{scorer},").replace("net\n", f"{scorer}\n")
            path.unlink()
            (folder / f"s1_{view}{scorer}{suffix}.csv").write_text(text)

    return apply


def both(first: Change, second: Change) -> Change:
    def apply(folder: Path) -> None:
        first(folder)
        second(folder)

    return apply


def windows_project(folder: Path) -> None:
    (folder / "project.yaml").write_bytes(
        b"data_dir: C:\\Users\\ann\\run\r\nview_names:\r\n- left\r\n- right\r\n- top\r\n"
        b"keypoint_names:\r\n- nose\r\n- tail\r\nvideo_dir: 'D:\\videos'\r\n"
    )
    place = folder / "models" / "net" / "video_preds"
    place.mkdir(parents=True)
    for view in VIEWS:
        (folder / f"s1_{view}.csv").rename(place / f"s1_{view}.csv")


WORDS = "3,NA,NA,NA,null,None,nan"
ODD: dict[str, Change] = {
    "byte order mark": each(lambda t: b"\xef\xbb\xbf" + t.encode()),
    "carriage returns only": each(lambda t: t.replace("\n", "\r")),
    "mixed line ends": each(lambda t: t.replace("\n", "\r\n", 7)),
    "semicolons": each(lambda t: t.replace(",", ";")),
    "semicolons and decimal commas": each(lambda t: t.replace(",", ";").replace(".", ",")),
    "tabs": each(lambda t: t.replace(",", "\t")),
    "thousands commas": each(rows_as(lambda r: r.replace(".", ',"1,234.0",', 1))),
    "quoted cells": each(quoted),
    "scorer with a comma": each(head(0, lambda t: t.replace("net", '"net, second"'))),
    "scorer with a line break": each(head(0, lambda t: t.replace("net", '"net\nsecond"', 1))),
    "keypoint twice": each(head(1, lambda t: t.replace("tail", "nose"))),
    "keypoint without a name": each(head(1, lambda t: t.replace("tail", ""))),
    "keypoint twice in one view": one(head(1, lambda t: t.replace("tail", "nose"))),
    "likelihood NaN": each(rows_as(lambda r: r.replace("0.95", "NaN"))),
    "likelihood text": each(rows_as(lambda r: r.replace("0.95", "high"))),
    "likelihood per cent": each(rows_as(lambda r: r.replace("0.95", "95"))),
    "likelihood negative": each(rows_as(lambda r: r.replace("0.95", "-1"))),
    "missing as words": each(rows_as(lambda r: r if not r.startswith("3,") else WORDS)),
    "header lines exchanged": each(headers_in_another_order),
    "rows backwards": each(backwards),
    "rows backwards in one view": one(backwards),
    "columns in another order": each(columns_in_another_order),
    "columns in another order in one view": one(columns_in_another_order),
    "a row twice": one(lambda t: t + t.rstrip("\n").split("\n")[-1] + "\n"),
    "a row left out": one(lambda t: re.sub(r"\n12,.*", "", t)),
    "index from one in one view": one(rows_as(numbered(lambda n: n + 1))),
    "index as time": each(rows_as(numbered(lambda n: round(n / 30, 4)))),
    "no index": one(rows_as(lambda r: r.split(",", 1)[1])),
    "a cell too many": one(rows_as(lambda r: r + ",1" if r.startswith("9,") else r)),
    "a cell too few": one(rows_as(lambda r: r.rsplit(",", 1)[0] if r.startswith("9,") else r)),
    "trailing commas": each(lambda t: t.replace("\n", ",\n")),
    "trailing blanks": each(lambda t: t.replace(",", " , ")),
    "empty lines between": each(lambda t: t.replace("\n", "\n\n")),
    "comment above": each(lambda t: "# made by a script\n" + t),
    "utf-16": each(lambda t: t.encode("utf-16")),
    "NUL bytes": one(lambda t: t.replace("9,", "\x009,", 1)),
    "fullwidth digits": one(rows_as(lambda r: r.replace("9", "\uff19"))),
    "exponents": each(rows_as(with_exponents)),
    "numbers as hexadecimal": one(rows_as(lambda r: r.replace("0.95", "0x1p0"))),
    "underscores in numbers": one(rows_as(lambda r: r.replace("0.95", "0.9_5"))),
    "complex numbers": one(rows_as(lambda r: r.replace("0.95", "1+0j"))),
    "names decomposed": renamed_nfd,
    "keypoint decomposed in one view": keypoint_nfd,
    "h5 without a table": h5_empty,
    "h5 without rows": h5_no_rows,
    "h5 fixed": as_h5(),
    "h5 table": as_h5(format="table"),
    "h5 compressed": as_h5(complevel=9, complib="blosc"),
    "h5 two tables": two_tables("df_with_missing", "keypoints", 1.5),
    "h5 two tables, ours last": two_tables("annotations", "df_with_missing", 1.5),
    "h5 two other tables": two_tables("refined", "raw", 1.5),
    "links in circles": linked,
    "read-only": read_only,
    "tracks _el": madlc("_el"),
    "tracks _sk_filtered": madlc("_sk_filtered"),
    "tracks _bx": madlc("_bx"),
    "tracks _el_filtered": madlc("_el_filtered"),
    "tracks _el as h5": both(madlc("_el"), as_h5()),
    "Windows project": windows_project,
    "calibration: matrix flat": calibration(lambda t: t.replace("], [", ", ").replace("[[", "[")),
    "calibration: byte order mark": calibration(lambda t: b"\xef\xbb\xbf" + t.encode()),
    "calibration: carriage returns only": calibration(lambda t: t.replace("\n", "\r")),
    "calibration: text for numbers": number("translation", '"a"'),
    "calibration: a camera twice": calibration(lambda t: t.replace('"right"', '"left"')),
    "calibration: a rotation of four numbers": number("rotation", "9e9"),
    "calibration: other order": calibration(cameras_backwards),
    "calibration: inf": number("translation", "inf"),
    "calibration: utf-16": calibration(lambda t: t.encode("utf-16")),
}  # fmt: skip


# Everything else is read, with a result that is right.
REFUSED = {
    "carriage returns only": "carriage returns only",
    "semicolons": "separated by semicolons",
    "semicolons and decimal commas": "separated by semicolons",
    "tabs": "separated by tabs",
    "thousands commas": "line 4: the line has 9 cells",
    "scorer with a line break": "coords",
    "keypoint twice": "keypoint nose is there twice",
    "keypoint without a name": "the name of the keypoint is empty",
    "keypoint twice in one view": "s1_right.csv is not usable",
    "likelihood text": "'high' is not a number",
    "header lines exchanged": "first cell is not 'scorer'",
    "rows backwards": "the frame number is 29",
    "rows backwards in one view": "the frame number is 29",
    "a row twice": "the frame number is 29",
    "a row left out": "the frame number is 13",
    "index from one in one view": "the frame number is 1",
    "index as time": "the frame number is 0.0333",
    "no index": "the line has 6 cells only",
    "a cell too many": "the line has 8 cells",
    "a cell too few": "the line has 6 cells only",
    "trailing commas": "1 column at the end has no head",
    "empty lines between": "'bodyparts' is missing",
    "comment above": "first cell is not 'scorer'",
    "utf-16": "in UTF-16",
    "NUL bytes": "s1_right.csv is not usable",
    "fullwidth digits": "is not a number",
    "numbers as hexadecimal": "'0x1p0' is not a number",
    "underscores in numbers": "'0.9_5' is not a number",
    "complex numbers": "'1+0j' is not a number",
    "h5 without a table": "s1_right.h5 is not usable",
    "h5 without rows": "the file has no frames",
    "h5 two other tables": "2 tables (raw, refined)",
    "calibration: matrix flat": "TOML",
    "calibration: carriage returns only": "TOML",
    "calibration: text for numbers": "no array of numbers|not an array of numbers",
    "calibration: a camera twice": "two cameras are called left",
    "calibration: a rotation of four numbers": "shape (4,)",
    "calibration: inf": "infinite",
    "calibration: utf-16": "UTF-16",
}
SAID = {
    "likelihood per cent": "The likelihood is 95 in s1_left.csv (and in 2 more files)",
    "likelihood negative": "The likelihood is -1",
}
# Keypoints under their names in the result.
RENAMED = {"keypoint decomposed in one view": {"tail": "schwänze"}}


@pytest.mark.parametrize("name", ODD)
def test_odd_inputs(folder: Path, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    ODD[name](folder)
    out = folder.parent / "out"
    code = main(["triangulate", str(folder), "--robust", "off", "--out", str(out)])
    said = capfd.readouterr()
    assert "Traceback" not in said.out + said.err
    if name in REFUSED:
        assert code == 2
        assert not out.exists()
        assert said.err.startswith("napari-pose3d: ")
        assert any(words in said.err for words in REFUSED[name].split("|"))
        return
    assert code == 0, said.err
    (path,) = out.glob("*_3d.csv")
    table = read_poses3d_csv(path)
    renamed = RENAMED.get(name, {})
    order = [table.keypoints.index(renamed.get(each, each)) for each in KEYPOINTS]
    error = np.linalg.norm(table.xyz[:, order] - XYZ, axis=-1)
    assert np.nanmax(error) < 1e-3
    assert np.isnan(error).sum() == (2 if name == "missing as words" else 0)
    assert len(list(out.glob("*_reprojection_error.csv"))) == len(VIEWS)
    assert SAID.get(name, "") in said.out


def test_a_damaged_view_is_left_out_only_when_that_is_wanted(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    ODD["h5 without a table"](folder)
    out = folder.parent / "out"
    assert main(["triangulate", str(folder), "--out", str(out)]) == 2
    assert "--allow-missing" in capfd.readouterr().err
    assert main(["triangulate", str(folder), "--allow-missing", "--out", str(out)]) == 0
    assert "s1_right.h5 is not usable" in capfd.readouterr().out
