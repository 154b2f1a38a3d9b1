"""Reading frames: by itself, beside other readers, in napari."""
