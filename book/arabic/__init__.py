"""The Arabic edition: what is translated, from which files, and how its site is built."""
