"""What protocols share about connections: their ages and clocks, whose turn it is, and the calls that wait on them."""
