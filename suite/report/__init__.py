"""Tables, figures and pages from a stored run; knows neither implementations nor frameworks."""

from suite.report.front_page import write_front_page
from suite.report.pages import write_leaderboard, write_report
from suite.report.tables import print_leaderboard

__all__ = ["print_leaderboard", "write_front_page", "write_leaderboard", "write_report"]
