"""What tests need and users may want too: generated classifiers, and faults planted on purpose."""
