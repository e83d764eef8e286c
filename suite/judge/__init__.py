"""Judges look at outputs, never at implementations."""
