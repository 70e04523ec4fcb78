"""Models: Sequential and functional ones, their training, callbacks, and files."""
