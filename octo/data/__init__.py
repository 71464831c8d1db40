"""Documents, and what becomes of them: ingestion, curation, tokenization. No torch."""
