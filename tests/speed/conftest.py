"""What a benchmark tells beside its times is printed, too: pytest-benchmark only writes it to its JSON."""


def pytest_terminal_summary(terminalreporter, config) -> None:
    session = getattr(config, "_benchmarksession", None)
    told = [found for found in session.benchmarks if found.extra_info] if session else []
    if told:
        terminalreporter.section("what the benchmarks say")
    for found in told:
        facts = ", ".join(f"{name} {_short(value)}" for name, value in found.extra_info.items())
        terminalreporter.write_line(f"{found.group}: {found.name}: {facts}")


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
