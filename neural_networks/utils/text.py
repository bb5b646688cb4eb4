"""Text for messages."""


def counted(n: int, noun: str) -> str:
    """A number with its noun: ``1 epoch``, ``2 epochs``."""
    return f"{n} {noun}{'' if n == 1 else 's'}"
