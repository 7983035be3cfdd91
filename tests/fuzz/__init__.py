"""Pipelines with mutations, run through load, check, plan and chart: nothing but findings and typed errors may come out."""
