"""Measurements behind `make bench`: not tests, since machines differ."""
