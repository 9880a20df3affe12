"""Files and where they lie: TOML that remembers its places, the library of names, the bibliography."""
