"""A job that ends by itself."""

import time

until = time.monotonic() + 0.5
while time.monotonic() < until:
    sum(range(1000))
