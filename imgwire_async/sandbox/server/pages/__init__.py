"""HTML pages for every local service: a gallery and a developer's view, without scripts."""
