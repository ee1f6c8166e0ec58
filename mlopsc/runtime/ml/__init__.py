"""Features, algorithms, tuning, model files, metrics and gates: the step functions are `train.run`, `evaluate.run` and
`gate.run`; `tests.run_tests` runs feature tests."""
