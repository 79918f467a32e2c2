"""What the verbs do, apart from their words: it is imported, and torch with it, when one is called."""
