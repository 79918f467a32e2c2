"""Training of a latent bank: a StyleGAN2 and its discriminator."""
