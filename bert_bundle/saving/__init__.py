"""A live model becomes the files of a bundle, and is proven."""
