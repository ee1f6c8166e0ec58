"""What a task of a Kubeflow pipeline runs: it travels as `mlopsc_kfp` beside `mlopsc_runtime`, and needs no kfp."""
