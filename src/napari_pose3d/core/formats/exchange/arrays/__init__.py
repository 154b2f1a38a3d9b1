"""Named arrays in HDF5 and netCDF files."""
