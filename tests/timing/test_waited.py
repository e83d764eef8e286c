"""How long threads waited for a core: Linux's account, summed over a process's threads."""

import math
import sys

import pytest

from suite.timing.clocks import waited


def test_waits_of_all_threads_are_summed_in_seconds(tmp_path):
    for thread, nanoseconds in (("1", 2_000_000), ("2", 500_000_000)):
        (tmp_path / thread).mkdir()
        (tmp_path / thread / "schedstat").write_text(f"77 {nanoseconds} 9\n")
    (tmp_path / "ended").mkdir()
    assert waited(str(tmp_path)) == pytest.approx(0.502)


def test_where_the_system_keeps_no_account_it_is_not_known(tmp_path):
    assert math.isnan(waited(str(tmp_path))) and math.isnan(waited(str(tmp_path / "none")))


@pytest.mark.skipif(sys.platform != "linux", reason="schedstat is Linux's")
def test_this_process_s_own_never_falls():
    first, second = waited(), waited()
    assert math.isnan(first) or 0 <= first <= second
