"""The model as data: layers, ops, nodes and inputs. Never imports Keras.

Layer 6 of the core.
"""
