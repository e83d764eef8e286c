"""More than 2^31 elements: an index of 32 bits would wrap, and the last rows be others'."""

import pytest
from on_device import large_call, last_rows_alone, needed, shape_above

torch = pytest.importorskip("torch")
ELEMENTS = 1 << 31


def room_for(elements, dtype):
    torch.cuda.empty_cache()
    free, _ = torch.cuda.mem_get_info()
    want = needed(elements, torch.empty((), dtype=dtype).element_size())
    if free < want:
        pytest.skip(f"{free >> 30} GiB are free on the device; it takes {want >> 30}")


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_rows_beyond_the_31st_bit_are_what_they_are_alone(kernel, dtype):
    if dtype not in kernel.dtypes and dtype != "float32":
        pytest.skip(f"computes in {', '.join(kernel.dtypes)}")
    kind = getattr(torch, dtype)
    rows, samples = shape_above(ELEMENTS, 4096)
    room_for(rows * samples, kind)
    torch.manual_seed(0)
    last_rows_alone(kernel, torch.randn(rows, samples, device="cuda", dtype=kind))


def test_one_row_beyond_the_31st_bit_is_the_sum_of_its_parts(kernel):
    if kernel.operator != "soft_histogram":
        pytest.skip("counts are sums over samples; no other operator's value is")
    parts, samples = 3, (ELEMENTS // 3 & ~255) + 256
    room_for(parts * samples, torch.float32)
    torch.manual_seed(0)
    x = torch.randn(1, parts * samples, device="cuda")
    whole, gradient = large_call(kernel, x)
    each = [large_call(kernel, x[:, k * samples : (k + 1) * samples]) for k in range(parts)]
    torch.testing.assert_close(whole, sum(counts for counts, _ in each), rtol=1e-4, atol=1.0)
    for k, (_, mine) in enumerate(each):
        place = slice(k * samples, k * samples + (1 << 20))
        torch.testing.assert_close(gradient[:, place], mine[:, : 1 << 20], rtol=1e-4, atol=1e-5)
