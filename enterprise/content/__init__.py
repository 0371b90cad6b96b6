"""What catalogs hold: the language of content filters, search documents, and the index that answers membership."""
