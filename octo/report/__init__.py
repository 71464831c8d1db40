"""The report of a run: results as values, figures, and the page around them."""
