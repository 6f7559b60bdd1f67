"""The HTTP service: turns HTTP into calls of the services below, and results into JSON, Arrow and CSV.

    app         the application: what it is made of
    lifespan    what starts and ends with it, in order
    state       what all routes share: settings, keys, limits, metrics, announcer, readiness
    guard       bounds on the head of a request, between the socket and the server's protocol
    fair_queue  answers that are made on the event loop, a few in each cycle of it
    query_route a route whose query is read by one model
    middleware  around every request: id, limits, bounds, security headers, metrics, access log
    auth        who calls, and may they
    limits      requests per key or address
    errors      every error, in one shape
    logs        lines of text or JSON on stderr
    metrics     what Prometheus reads
    routes/     one module per resource; `routes.ROUTERS` lists them

A new resource is a module in `routes/`, over a function of `services/`. Nothing below knows of HTTP.
"""
