"""Mutations that the tests must notice."""
