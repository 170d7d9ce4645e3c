"""How a simulated Rivya answers: routes, strict validation, the request pipeline, signed URLs, the rate limit."""
