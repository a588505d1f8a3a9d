"""Where concrete things meet: settings, wiring, command line, supervisor, benchmarks. The only owner of loops and clocks."""
