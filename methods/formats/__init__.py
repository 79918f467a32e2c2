"""How weights are written down: readers of files, and the map from each published layout to our networks' names."""
