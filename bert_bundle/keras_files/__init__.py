"""Files that Keras, TensorFlow and transformers write, read without them, as data that nothing of is executed.

Layer 5 of the core.
"""
