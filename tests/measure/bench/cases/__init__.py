"""One module per case: `run(net, quick)` measures and prints its tables. `TITLE` is its line in `scripts/bench --list`."""
