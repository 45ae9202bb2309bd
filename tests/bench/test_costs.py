from tests.bench.costs import DEFAULT, Cost, batch, built, table


async def test_requests_are_answered_without_a_socket() -> None:
    async with built(DEFAULT) as service:
        actual = await batch(service, 2)

    assert 0 < actual < 1e6


def test_a_role_that_is_taken_out_costs_what_became_less() -> None:
    switched_on, taken_out = [Cost("log", 30.0, 2.52)], [Cost("via", 30.0, -0.71)]

    actual = table(31.04, switched_on, taken_out).splitlines()[2:]

    assert actual == [
        "| the default stack, all of it | 31.0 |",
        "| log | +2.5 |",
        "| via, on by default | 0.7 |",
    ]


def test_noise_is_no_cost() -> None:
    actual = table(31.0, [Cost("log", 30.0, -0.2)], []).splitlines()[-1]

    assert actual == "| log | +0.0 |"
