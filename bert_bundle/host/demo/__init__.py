"""What `bert-bundle demo` trains."""
