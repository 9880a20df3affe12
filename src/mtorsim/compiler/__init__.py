"""Code generation: order, share and differentiate a model's equations, write them as vector code, cache them."""
