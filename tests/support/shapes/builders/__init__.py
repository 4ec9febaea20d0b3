"""The builders of the shapes: Keras code as users write it, so without types. Each returns a case of `kit`."""
