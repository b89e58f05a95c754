"""Shared parts of the benches: two network namespaces, servers, exact counting, tables. Measures; never asserts a time."""
