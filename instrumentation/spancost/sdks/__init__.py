"""One module per provider SDK: its patch points and its pure extractors."""
