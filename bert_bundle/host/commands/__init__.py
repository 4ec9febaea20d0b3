"""The commands of `bert-bundle`, one module for each noun they are about."""
