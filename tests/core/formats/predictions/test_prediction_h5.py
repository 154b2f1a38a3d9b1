"""HDF5 files of DeepLabCut: what pandas writes is read, what would run a program is not."""

from __future__ import annotations

import os
import pickle
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from napari_pose3d.cli import main
from napari_pose3d.core.formats.containers.pandas_tables import stored_table
from napari_pose3d.core.formats.containers.plain_pickle import ForeignCode, loads, plain_pickles
from napari_pose3d.core.formats.labels.label_csv import read_label_h5
from napari_pose3d.core.formats.predictions.prediction_h5 import (
    read_h5_header,
    read_prediction_h5,
)
from napari_pose3d.errors import PoseDataError

tables = pytest.importorskip("tables")

SCORER = "DLC_resnet50_boxJan1shuffle1_1000"


def dlc_frame(
    n_frames: int = 4, *, individuals: bool = False, labels: bool = False
) -> pd.DataFrame:
    levels = [[SCORER], ["m1"], ["nose", "tail"], ["x", "y", "likelihood"]]
    names = ["scorer", "individuals", "bodyparts", "coords"]
    if not individuals:
        del levels[1], names[1]
    if labels:
        levels[-1] = ["x", "y"]
    columns = pd.MultiIndex.from_product(levels, names=names)
    values = np.random.default_rng(3).uniform(0, 1, (n_frames, len(columns)))
    values[1:2, :2] = np.nan
    return pd.DataFrame(values, columns=columns)


class Bomb:
    """Unpickling it makes a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.mark),)


def add_attribute(path: Path, node: str, name: str, value: object) -> None:
    with tables.open_file(str(path), "a") as file:
        file.get_node(node)._v_attrs[name] = value


def bomb_in_root(path: Path, bomb: Bomb) -> None:
    dlc_frame().to_hdf(path, key="df_with_missing", mode="w")
    add_attribute(path, "/", "about", bomb)


def bomb_in_table(path: Path, bomb: Bomb) -> None:
    dlc_frame().to_hdf(path, key="df_with_missing", mode="w", format="table")
    add_attribute(path, "/df_with_missing", "info", bomb)


def bomb_in_columns(path: Path, bomb: Bomb) -> None:
    dlc_frame().to_hdf(path, key="df_with_missing", mode="w", format="table")
    add_attribute(path, "/df_with_missing", "non_index_axes", [(1, [("a", "b", bomb)])])


def bomb_in_axis_name(path: Path, bomb: Bomb) -> None:
    dlc_frame().to_hdf(path, key="df_with_missing", mode="w")
    add_attribute(path, "/df_with_missing/axis1", "name", bomb)


def bomb_in_objects(path: Path, bomb: Bomb) -> None:
    frame = dlc_frame()
    frame[(SCORER, "set", "")] = "train"
    frame.to_hdf(path, key="df_with_missing", mode="w")
    with tables.open_file(str(path), "a") as file:
        group = file.get_node("/df_with_missing")
        file.remove_node(group, "block1_values")
        array = file.create_vlarray(group, "block1_values", tables.ObjectAtom())
        array.append(np.array([[bomb] * 4], dtype=object))
        array._v_attrs.value_type, array._v_attrs.transposed = "object", True
        array._v_attrs.shape = (1, 4)


def bomb_in_index(path: Path, bomb: Bomb) -> None:
    dlc_frame().to_hdf(path, key="df_with_missing", mode="w")
    with tables.open_file(str(path), "a") as file:
        group = file.get_node("/df_with_missing")
        file.remove_node(group, "axis1")
        array = file.create_vlarray(group, "axis1", tables.ObjectAtom())
        array.append([bomb] * 4)
        array._v_attrs.kind, array._v_attrs.name = "object", None


def bomb_and_no_table(path: Path, bomb: Bomb) -> None:
    with tables.open_file(str(path), "w") as file:
        file.root._v_attrs.about = bomb


BOMBS = [
    bomb_in_root,
    bomb_in_table,
    bomb_in_columns,
    bomb_in_axis_name,
    bomb_in_objects,
    bomb_in_index,
    bomb_and_no_table,
]


@pytest.fixture(params=BOMBS, ids=lambda make: make.__name__)
def bombed(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Path]:
    """A file that makes a folder when it is unpickled, and that folder."""
    folder = tmp_path / "day1"
    folder.mkdir()
    mark = tmp_path / "mark"
    path = folder / "day1_top.h5"
    request.param(path, Bomb(mark))
    return path, mark


def test_the_bomb_works(tmp_path: Path) -> None:
    for make in BOMBS:
        mark = tmp_path / f"mark_{make.__name__}"
        path = tmp_path / "a.h5"
        make(path, Bomb(mark))
        with pd.HDFStore(path, "r") as store:
            try:
                for key in store.keys():  # noqa: SIM118 - no mapping
                    store.select(key)
            except (TypeError, ValueError, AttributeError, KeyError):
                pass  # what comes of the bomb is no table
        assert mark.is_dir(), make.__name__


@pytest.mark.parametrize("read", [read_prediction_h5, read_h5_header, read_label_h5, stored_table])
def test_code_in_a_file_is_refused_and_not_run(
    read: Callable[[Path], object], bombed: tuple[Path, Path]
) -> None:
    path, mark = bombed
    with pytest.raises(PoseDataError, match="could run a program") as caught:
        read(path)
    assert caught.value.file == str(path)
    assert not mark.exists()


@pytest.mark.parametrize(
    "command", [["info"], ["info", "--views", "top"], ["smooth"], ["triangulate"]]
)
@pytest.mark.parametrize("what", ["file", "folder"])
def test_no_command_runs_code_in_a_file(
    command: list[str], what: str, bombed: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path, mark = bombed
    arguments = [*command, str(path if what == "file" else path.parent)]
    try:
        code = main(arguments)
    except SystemExit as end:
        code = end.code  # type: ignore[assignment]
    assert not mark.exists()
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err + captured.out
    if command != ["info"]:
        assert code != 0


def test_a_refused_file_is_refused_by_every_thread_and_others_are_not_touched(
    tmp_path: Path,
) -> None:
    mark = tmp_path / "mark"
    bad, good = tmp_path / "bad.h5", tmp_path / "good.h5"
    bomb_in_table(bad, Bomb(mark))
    dlc_frame().to_hdf(good, key="df_with_missing", mode="w", format="table")
    found: list[object] = []

    def work(path: Path) -> None:
        for _ in range(5):
            try:
                found.append(stored_table(path).level_names)
            except PoseDataError as error:
                found.append("program" in str(error))

    threads = [threading.Thread(target=work, args=(path,)) for path in (bad, good, bad, good)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, found)) == sorted(
        ["True"] * 10 + ["('scorer', 'bodyparts', 'coords')"] * 10
    )
    assert not mark.exists()
    assert tables.attributeset.pickle is pickle
    assert tables.atom.pickle is pickle


def test_other_threads_unpickle_as_always_meanwhile(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    with plain_pickles(tables.atom) as refused:
        data = pickle.dumps(Bomb(mark))
        with pytest.raises(ForeignCode, match="mkdir"):
            tables.atom.pickle.loads(data)
        assert not mark.exists()
        other = threading.Thread(target=tables.atom.pickle.loads, args=(data,))
        other.start()
        other.join()
    assert mark.is_dir()
    assert len(refused) == 1
    assert tables.atom.pickle is pickle


@pytest.mark.parametrize("style", ["fixed", "table"])
@pytest.mark.parametrize("individuals", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_what_pandas_writes_is_read(
    style: str, individuals: bool, dtype: type, tmp_path: Path
) -> None:
    frame = dlc_frame(30, individuals=individuals).astype(dtype)
    path = tmp_path / "a.h5"
    frame.to_hdf(path, key="df_with_missing", mode="w", format=style)
    table = read_prediction_h5(path)
    assert (table.keypoints, table.scorer) == (("nose", "tail"), SCORER)
    values = frame.to_numpy(np.float32).reshape(30, 2, 3)
    np.testing.assert_array_equal(table.xy, values[..., :2])
    np.testing.assert_array_equal(table.likelihood, values[..., 2])


def test_columns_of_objects_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    frame = dlc_frame()
    with pytest.warns(pd.errors.PerformanceWarning):
        frame.astype(object).to_hdf(path, key="df_with_missing", mode="w")
    np.testing.assert_array_equal(
        read_prediction_h5(path).likelihood, frame.to_numpy(np.float32).reshape(4, 2, 3)[..., 2]
    )


@pytest.mark.parametrize("style", ["fixed", "table"])
@pytest.mark.parametrize("index", ["paths", "parts"])
def test_labels_are_read(style: str, index: str, tmp_path: Path) -> None:
    frame = dlc_frame(labels=True)
    parts = [("labeled-data", "day1_top", f"img{i:04d}.png") for i in range(4)]
    frame.index = (
        pd.MultiIndex.from_tuples(parts)
        if index == "parts"
        else pd.Index(["/".join(part) for part in parts])
    )
    path = tmp_path / "CollectedData_me.h5"
    if style == "table" and index == "parts":
        pytest.skip("pandas cannot write it")
    frame.to_hdf(path, key="df_with_missing", mode="w", format=style)
    assert len(read_label_h5(path).rows) == 4


@pytest.mark.parametrize("style", ["fixed", "table"])
def test_of_several_tables_the_one_that_deeplabcut_names_is_read(
    style: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.h5"
    frame = dlc_frame()
    (frame * 0).to_hdf(path, key="data", mode="w", format=style)
    frame.to_hdf(path, key="df_with_missing", mode="a", format=style)
    pd.DataFrame({"a": [1]}).to_hdf(path, key="extra/info", mode="a", format=style)
    assert read_prediction_h5(path).likelihood[0, 0] == np.float32(frame.iloc[0, 2])


def test_of_several_tables_without_that_name_none_is_guessed(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    for key in ("old", "new"):
        dlc_frame().to_hdf(path, key=key, mode="a")
    with pytest.raises(PoseDataError, match=r"2 tables \(.*\).*df_with_missing.*Export CSV"):
        read_prediction_h5(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda frame: frame.astype(str),
        lambda frame: frame.set_axis(pd.date_range("2020", periods=4)),
        lambda frame: frame.iloc[:, 0],
        lambda frame: frame * 1e200,
        lambda frame: frame.set_axis(["a", "b", "c", "d"]),
        lambda frame: frame.iloc[:0],
        lambda frame: frame.T,
    ],
    ids=["text", "times", "series", "large", "names", "empty", "transposed"],
)
@pytest.mark.filterwarnings("ignore")
def test_other_tables_are_refused(
    change: Callable[[pd.DataFrame], pd.DataFrame], tmp_path: Path
) -> None:
    path = tmp_path / "a.h5"
    change(dlc_frame()).to_hdf(path, key="df_with_missing", mode="w")
    with pytest.raises(PoseDataError, match=r"a\.h5"):
        read_prediction_h5(path)


def test_a_table_that_claims_more_than_the_file_holds_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    dlc_frame().to_hdf(path, key="df_with_missing", mode="w")
    with tables.open_file(str(path), "a") as file:
        group = file.get_node("/df_with_missing")
        file.remove_node(group, "block0_values")
        array = file.create_earray(
            group, "block0_values", tables.Float64Atom(), (0, 6), expectedrows=10
        )
        array.truncate(10_000_000_000)
        array._v_attrs.transposed = True
    with pytest.raises(PoseDataError, match="claims 480"):
        read_prediction_h5(path)


@pytest.mark.parametrize("style", ["fixed", "table"])
def test_damaged_files_end_in_a_message(style: str, tmp_path: Path) -> None:
    whole = tmp_path / "whole.h5"
    dlc_frame(50).to_hdf(whole, key="df_with_missing", mode="w", format=style)
    content = whole.read_bytes()
    path = tmp_path / "a.h5"
    for size in np.linspace(0, len(content) - 1, 12, dtype=int):
        path.write_bytes(content[:size])
        with pytest.raises(PoseDataError, match=r"a\.h5"):
            read_prediction_h5(path)


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x04r\xff\xff\xff\x7f.",  # a memo of gigabytes
        b"\x80\x04\x96" + (1 << 40).to_bytes(8, "little") + b".",  # a text of a terabyte
        b"\x80\x04]" + b"\x94h\x00" + b"a" * 3 + b".",
        b"c__builtin__\neval\n(S'1'\ntR.",
        b"cnumpy\nload\n(S'a.npy'\ntR.",
        b"\x80\x02\x82\x01.",
        b"Px\n.",
        b"",
    ],
)
def test_pickles_that_are_built_to_do_harm_are_refused(data: bytes) -> None:
    with pytest.raises(
        (
            pickle.UnpicklingError,
            EOFError,
            IndexError,
            ValueError,
            MemoryError,
            OverflowError,
            AttributeError,
        )
    ):
        loads(data)


def test_lists_that_hold_each_other_many_times_are_refused() -> None:
    value: list[object] = []
    for _ in range(64):
        value = [value, value]
    with pytest.raises(ForeignCode):
        loads(pickle.dumps(value))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    "value",
    [
        None,
        [(1, [("net", "nose", "x")])],
        {1: {"names": ["scorer"], "type": "MultiIndex"}, "index": {}},
        np.float64(1.5),
        np.int64(7),
        b"bytes",
        1 << 80,
    ],
    ids=repr,
)
def test_plain_data_is_the_same_as_python_makes_it(value: object, protocol: int) -> None:
    assert loads(pickle.dumps(value, protocol)) == value


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_of_objects_are_the_same_as_numpy_makes_them(protocol: int) -> None:
    for array in (
        np.array([["a", None], [1.5, np.float64(2)]], dtype=object),
        np.array([["a", None], [1.5, 2]], dtype=object).T,
    ):
        np.testing.assert_array_equal(loads(pickle.dumps(array, protocol)), array)
