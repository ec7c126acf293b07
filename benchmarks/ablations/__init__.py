"""Ablations: the same training with one setting changed, over ten seeds, on a CPU or a GPU.

``python -m benchmarks.ablations all`` runs the studies of :mod:`benchmarks.ablations.studies`. Every run
writes a small file of its own, named for its settings, so a study that is interrupted resumes, and studies
share runs. The runs of a study are collected in ``benchmarks/results/ablation_NAME.DEVICE.json``, with a
verdict on each claim: differences between variants are paired by seed, and their 95 % interval decides.
"""
