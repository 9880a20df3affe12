"""Files and their locations: TOML with places, the library of names, the bibliography."""
