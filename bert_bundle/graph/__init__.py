"""The model as data: layers, ops, nodes and inputs. Never imports Keras."""
