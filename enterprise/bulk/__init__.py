"""The engine that carries bulk work: rows in, chunks of set-based statements, a result for every row."""
