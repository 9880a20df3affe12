"""From a model to code: equations ordered, shared and differentiated, written as lanes, kept in a cache."""
