"""Pages for people: a gallery and a developer's view, alike for every local service, without scripts."""
