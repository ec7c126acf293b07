"""How the SSD object detector is trained, one module a step."""
