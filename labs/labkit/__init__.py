from labkit.data import load_reviews
