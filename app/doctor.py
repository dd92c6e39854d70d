"""The doctor: what works, what is missing and how to get it, on the terminal."""

from rich.console import Console
from rich.table import Table

from app.core.settings import Settings
from app.monitoring.diagnostics import DiagnosticsCollector, Finding
from app.resources import Resources


async def run_doctor(settings: Settings) -> int:
    """Prints a table; 1 when something required is missing, else 0."""
    resources = Resources(settings)
    try:
        findings = await resources.get(DiagnosticsCollector).everything()
    finally:
        await resources.close()
    missing = [finding.name for finding in findings if finding.required and not finding.healthy]
    console = Console()
    console.print(_table(findings))
    console.print(f"Missing: {', '.join(missing)}" if missing else "Everything required is there.")
    return 1 if missing else 0


def _table(findings: list[Finding]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("", "Check", "Found"):
        table.add_column(heading, vertical="top", overflow="fold")
    for finding in findings:
        remedy = f"\n→ {finding.remedy}" if finding.remedy and not finding.healthy else ""
        table.add_row(_verdict(finding), finding.name, f"{finding.detail}{remedy}")
    return table


def _verdict(finding: Finding) -> str:
    if finding.healthy:
        return "[green]ok[/]"
    return "[red]missing[/]" if finding.required else "[yellow]absent[/]"
