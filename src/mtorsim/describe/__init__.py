"""Files described and checked without running them."""
