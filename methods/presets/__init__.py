"""Every number that differs by preset: sizes of networks, steps and rates. A card names its preset."""
