"""Pictures that need no other package: a writer of SVG, charts on it, and the layout of graphs."""
