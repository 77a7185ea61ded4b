"""Measurements and trials by chaos, each against real processes. `make bench` and `make chaos` run them."""
