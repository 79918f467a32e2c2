"""Training of what the methods need: latent banks, GLEAN, ESRGAN+, SRGAN. One script each; see docs/training.md."""
