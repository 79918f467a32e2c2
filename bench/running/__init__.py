"""Where a method runs: in this process or in one of its own, under the same contract."""
