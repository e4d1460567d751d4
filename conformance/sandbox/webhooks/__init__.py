"""Events on their way to partners: the stored outbox, the signature, and the worker that delivers."""
