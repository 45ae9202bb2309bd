from linker_greeting.greeting import Greeting

from mesh.testing import reply, request, run_filter


async def test_a_greeting_is_added_to_what_the_endpoint_says() -> None:
    answered = await run_filter(Greeting("good day"), request(), reply(404))

    assert (answered.status, answered.headers) == (404, [(b"x-greeting", b"good day")])
