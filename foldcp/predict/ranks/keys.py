"""Keys of the store, the keepers' notice board. All but `END` belong to one generation."""

END = "end"
"""The driver has no more to do."""


def farewell(keeper: int) -> str:
    """Return the key by which a keeper says that it has seen `END`."""
    return f"{END}/{keeper}"


def start(generation: str) -> str:
    """Return the key that holds the order of a generation."""
    return f"{generation}/start"


def acknowledged(generation: str, keeper: int) -> str:
    """Return the key by which a keeper says that it has started its ranks."""
    return f"{generation}/acknowledged/{keeper}"


def ranks(generation: str) -> str:
    """Return the prefix under which the ranks meet."""
    return f"{generation}/ranks"


def job(generation: str, turn: int) -> str:
    """Return the key whose presence says that rank 0 is being given its job number `turn`, from 1."""
    return f"{generation}/job/{turn}"


def failures(generation: str) -> str:
    """Return the key of the count of failures that followers have reported."""
    return f"{generation}/failures"


def failure(generation: str, number: int) -> str:
    """Return the key of one of these failures, from 1."""
    return f"{generation}/failure/{number}"


def beats(generation: str, keeper: int) -> str:
    """Return the key of the count by which a follower says that it is alive."""
    return f"{generation}/beats/{keeper}"


def stop(generation: str) -> str:
    """Return the key that ends a generation."""
    return f"{generation}/stop"
