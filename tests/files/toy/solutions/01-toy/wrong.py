"""Wrong answers of the toy lab."""

from grader.checks import wrong


@wrong("mean", caught_by="averages", hint="n − 1")
def divides_by_one_less(values: list[float]) -> float:
    """Takes the divisor of the sample variance."""
    if not values:
        raise ValueError("no values")
    return sum(values) / (len(values) - 1)


@wrong("mean", caught_by="averages", hint="Leave the list")
def empties_its_input(values: list[float]) -> float:
    """Pops the values that it adds up."""
    count, total = len(values), 0.0
    if not values:
        raise ValueError("no values")
    while values:
        total += values.pop()
    return total / count


@wrong("mean", caught_by="refuses_nothing", hint="before you divide")
def divides_by_zero(values: list[float]) -> float:
    """Lets Python raise ZeroDivisionError."""
    return sum(values) / len(values)


@wrong("spread", caught_by="spans", hint="last less first")
def last_less_first(values: list[float]) -> float:
    """Takes the order of the list for the order of the values."""
    return values[-1] - values[0]


@wrong("spread", caught_by="spans", hint="Largest")
def gives_a_list(values: list[float]) -> list[float]:
    """Returns both ends instead of their distance."""
    return [min(values), max(values)]


@wrong("spread", caught_by="spans", hint="Largest")
def forgets_to_return(values: list[float]) -> None:
    """Works it out and returns nothing."""
    max(values) - min(values)
