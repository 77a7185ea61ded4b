"""Measurements and trials by ordeal, each against real processes. `make bench` and `make chaos` run them."""
