"""Which training songs is a generated clip made of: gradient embeddings, methods, counterfactual truth."""
