"""What sends traffic where: Services, Ingresses, routes and splits, and steps that move it."""
