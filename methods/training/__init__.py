"""Training of what the methods need: latent banks, restorers, DFDNet and SRNTT; see docs/training.md."""
