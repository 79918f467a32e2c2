"""Ground truth and LR images: where they come from, how files become pixels."""
