"""May this candidate ship?"""
