"""From images to numbers: metrics, the networks they use, scores on disk, statistics."""
