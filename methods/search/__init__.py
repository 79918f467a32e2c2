"""Methods that search: they optimise anew for each image. One adapter a file, with the terms of its loss beside it."""
