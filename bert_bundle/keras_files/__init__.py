"""Files that Keras and TensorFlow write, read without them and as data: nothing in a file is executed.

Layer 5 of the core.
"""
