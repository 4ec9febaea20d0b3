"""Small models, written by us, in the shapes in which public code puts a head on a TensorFlow BERT.

`catalogue` lists them with how often each shape was met; the modules of the builders run inside environments.
"""
