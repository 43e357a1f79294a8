"""What do the tests stand on? A gateway, a recording upstream, real Prefect servers, and clients that speak to them."""
