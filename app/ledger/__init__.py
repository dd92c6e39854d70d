"""What calls to engines cost: prices, the book of all calls, and limits."""
