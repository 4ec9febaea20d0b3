"""TensorFlow's functions computed with NumPy, in float32 or float64: what a SavedModel predicts, without TensorFlow.

Layer 7 of the core.
"""
