"""The text set of `bert-bundle demo`: written support tickets, and the reading of them."""
