import pytest

from tests.bench.memory import read_field

STATUS = "Name:\tenvoy\nVmPeak:\t  900000 kB\nVmHWM:\t   67000 kB\nVmRSS:\t   65748 kB\nThreads:\t3\n"


@pytest.mark.parametrize(("field", "expected"), [("VmRSS", 65748), ("VmHWM", 67000)])
def test_a_field_is_read(field: str, expected: int) -> None:
    actual = read_field(STATUS, field)

    assert actual == expected


def test_a_process_that_has_ended_has_no_memory() -> None:
    with pytest.raises(ValueError, match="no VmRSS"):
        read_field("Name:\tenvoy\nState:\tZ (zombie)\n", "VmRSS")
