"""Speed, accuracy and robustness, measured: tables that a user can print.

python -m benchmarks                      # all of them, an hour
python -m benchmarks.smoothing.accuracy   # one, from the folder that holds `benchmarks/`
"""
