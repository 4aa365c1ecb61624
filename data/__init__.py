"""The shipped real data: raw files, the tables made from them, and the code that remakes them."""
