//! The HTTP APIs of hosted verification services, served from your own process: a module and a feature each.
