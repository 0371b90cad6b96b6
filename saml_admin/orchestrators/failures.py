"""What may go wrong when a configuration is handed over."""


class OrchestratorFailed(Exception):
    """The orchestrator did not take a configuration; the text is for the caller."""
