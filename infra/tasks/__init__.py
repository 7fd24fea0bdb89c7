"""The steps of a deploy, one noun per file."""
