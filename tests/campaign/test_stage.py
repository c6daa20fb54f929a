"""A stage says what it did, to the user and to its log, and ends with the error's own exit code."""

import pytest

from foldcp.campaign.stage import stage
from foldcp.errors import InputError


def test_lines_go_to_stderr_and_to_the_log(tmp_path, capsys):
    with stage("tokens", tmp_path / "logs" / "tokens.log") as say:
        say("15 complexes")
    assert capsys.readouterr().err == "tokens: 15 complexes\n"
    said, finished = (tmp_path / "logs" / "tokens.log").read_text().splitlines()
    assert said == "15 complexes" and finished.startswith("finished in ")


def test_an_error_the_user_can_mend_ends_with_its_exit_code_and_no_traceback(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended, stage("tokens", tmp_path / "log"):
        raise InputError("table.csv: row 3 is broken")
    assert ended.value.code == 3
    assert (tmp_path / "log").read_text() == "error: table.csv: row 3 is broken\n"
    assert "Traceback" not in capsys.readouterr().err


def test_a_defect_keeps_its_traceback(tmp_path):
    with pytest.raises(ZeroDivisionError), stage("tokens", tmp_path / "log"):
        print(1 / 0)
