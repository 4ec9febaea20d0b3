"""Live Keras models in both runtimes: captured to a graph, rebuilt from one."""
