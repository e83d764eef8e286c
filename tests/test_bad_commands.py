"""A command that cannot work says so in a line, with status 2, before anything is done."""

import pytest
from typer.testing import CliRunner

from suite import as_rows, cli, results


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["bench", "--results", "/proc/nowhere"], "/proc/nowhere"),
        (["check", "--results", "FILE/below"], "below"),
        (["bench", "--time-limit=-3"], "time-limit"),
        (["list", "-o", "ecd"], "ecd"),
        (["report", "FILE"], "run.json"),
        (["check", "-o", "soft_cut", "-c", "above-64x409"], "above-64x4096"),
    ],
)
def test_it_names_what_is_wrong(arguments, words, tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    done = CliRunner().invoke(cli.app, [a.replace("FILE", str(file)) for a in arguments])
    assert done.exit_code == 2, done.output
    assert words in done.output and "Traceback" not in done.output


def test_looking_for_runs_makes_no_folder(tmp_path):
    done = CliRunner().invoke(cli.app, ["report", "--results", str(tmp_path / "nowhere")])
    assert done.exit_code == 2 and "no runs" in done.output
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("status", ["timeout", "oom", "wrong", "crashed"])
def test_whatever_is_no_answer_fails_the_command(status):
    assert status in results.FAILURES and not {"ok", "unsupported"} & set(results.FAILURES)


def test_a_list_has_no_rows():
    with pytest.raises(TypeError, match="x is a list"):
        as_rows([1.0, 2.0], axis=0)
