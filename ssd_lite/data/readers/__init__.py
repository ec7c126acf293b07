"""Readers: what one annotation file states, before anything is validated."""
