"""Files that hold the arrays of several formats: HDF5 and MATLAB's, read within bounds."""
