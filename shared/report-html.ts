/**
 * Reports as one HTML file: nothing is loaded, no script runs (its own policy forbids both), it prints on A4 and Letter, and
 * the state is a word and a shape, not only a colour. Pure.
 */
import type { Report, ReportDetail } from './report.ts';
import { pageOf } from './report-content.ts';
import type { ChartSection, Column, Fact, ReportPage, Section, TableSection } from './report-page.ts';
import { formatCount } from './units.ts';
import { visible } from './visible.ts';

/** Rows a browser shows and prints without trouble; the other formats have all of them. */
const ROW_LIMIT = 5_000;
const CHART = { width: 720, height: 120, gap: 1 } as const;

const STYLE = `
:root{--ink:#1c2733;--soft:#5b6875;--line:#d9e0e6;--pale:#f4f7f9;--good:#1f7a4d;--bad:#a8500b;--bar:#2f6f9f}
*{box-sizing:border-box}
body{margin:0;background:#e9edf0;color:var(--ink);font:14px/1.5 "Segoe UI",system-ui,-apple-system,"Helvetica Neue",Arial,sans-serif}
main{max-width:860px;margin:24px auto;background:#fff;padding:40px 48px;border-top:6px solid #17344d}
header{display:flex;justify-content:space-between;align-items:flex-end;gap:24px;border-bottom:1px solid var(--line);padding-bottom:14px}
.brand{font-size:12px;letter-spacing:.16em;text-transform:uppercase;color:var(--soft)}
h1{margin:2px 0 0;font-size:26px;line-height:1.2}
.about{text-align:right;color:var(--soft)}
.about b{color:var(--ink);font-size:16px}
h2{margin:28px 0 8px;font-size:15px;border-bottom:1px solid var(--line);padding-bottom:4px;break-after:avoid}
.verdict{margin:20px 0 0;padding:12px 16px;border-left:6px solid var(--good);background:#eef7f2;font-weight:600;font-size:16px}
.verdict.bad{border-color:var(--bad);background:#fdf3e9}
.key{display:flex;flex-wrap:wrap;gap:12px;margin:16px 0 0}
.key div{flex:1 1 118px;border:1px solid var(--line);padding:10px 14px}
.key b{display:block;font-size:18px;white-space:nowrap;line-height:1.3;font-variant-numeric:tabular-nums}
.key span{color:var(--soft);font-size:12px}
dl{display:grid;grid-template-columns:minmax(180px,34%) 1fr;margin:14px 0 0}
dt,dd{margin:0;padding:4px 8px 4px 0;border-bottom:1px solid var(--pale);overflow-wrap:anywhere}
dt{color:var(--soft)}
dt.inner{padding-left:18px}
dd{font-variant-numeric:tabular-nums}
table{width:100%;border-collapse:collapse;font-size:13px}
th{text-align:left;color:var(--soft);font-weight:600;border-bottom:2px solid var(--line);padding:4px 10px 4px 0;vertical-align:bottom}
td{padding:3px 10px 3px 0;border-bottom:1px solid var(--pale);vertical-align:top;font-variant-numeric:tabular-nums}
tr{break-inside:avoid}
thead{display:table-header-group}
th.right,td.right{text-align:right;white-space:nowrap}
td.path,p.path{font-family:ui-monospace,Consolas,"DejaVu Sans Mono",monospace;font-size:12px;overflow-wrap:anywhere}
p{margin:6px 0}
.note{color:var(--bad);font-weight:600}
.empty{color:var(--soft)}
svg{display:block;width:100%;height:auto;margin-top:8px}
footer{margin-top:36px;border-top:1px solid var(--line);padding-top:10px;color:var(--soft);font-size:12px;overflow-wrap:anywhere}
@media print{@page{margin:16mm 14mm}body{background:#fff;font-size:11pt}main{max-width:none;margin:0;padding:0;border-top:none}.verdict,.key div,svg rect{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
`;

export function reportHtml(report: Report, detail: ReportDetail): string {
  const page = pageOf(report, detail);
  const title = `${page.title}: ${page.scenario}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${text(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
${headOf(page)}
${page.sections
  .map(sectionOf)
  .filter((part) => part !== '')
  .join('\n')}
<footer>${text(`Mainstay · ${page.detail === 'summary' ? 'Summary' : 'Detailed'} report ${page.id}`)}</footer>
</main>
</body>
</html>
`;
}

function headOf(page: ReportPage): string {
  const { good, text: said } = page.verdict;
  return `<header>
<div><div class="brand">Mainstay</div><h1>${text(page.title)}</h1></div>
<div class="about"><b>${text(page.scenario)}</b><br>${text(page.subtitle)}</div>
</header>
<p class="verdict${good ? '' : ' bad'}">${good ? '✓ OK' : '▲ Attention'} — ${text(said)}</p>
<div class="key">${page.key.map(({ label, value }) => `<div><b>${text(value)}</b><span>${text(label)}</span></div>`).join('')}</div>`;
}

function sectionOf(section: Section): string {
  switch (section.kind) {
    case 'facts':
      return `${headingOf(section.title)}<dl>${section.facts.map(factRow).join('')}</dl>`;
    case 'text':
      return `${headingOf(section.title)}${section.lines.map((line) => `<p class="path">${text(line)}</p>`).join('')}`;
    case 'table':
      return tableOf(section);
    case 'chart':
      return chartOf(section);
  }
}

function headingOf(title: string | undefined): string {
  return title === undefined ? '' : `<h2>${text(title)}</h2>`;
}

function factRow({ label, value }: Fact): string {
  return `<dt${label.startsWith(' ') ? ' class="inner"' : ''}>${text(label.trim())}</dt><dd>${text(value)}</dd>`;
}

function tableOf({ title, columns, rows, empty, note }: TableSection): string {
  if (rows.length === 0) return `${headingOf(title)}<p class="empty">${text(empty)}</p>`;
  const cut = rows.length - ROW_LIMIT;
  const left = cut <= 0 ? [] : [`${formatCount(cut)} more rows are in the text, CSV and JSON of this report`];
  const notes = [...left, ...(note === undefined ? [] : [note])];
  const head = columns.map((column) => `<th${classOf(column, false)}>${text(column.title)}</th>`).join('');
  const body = rows
    .slice(0, ROW_LIMIT)
    .map((row) => `<tr>${columns.map((column, at) => cellOf(column, row[at] ?? '')).join('')}</tr>`);
  const said = notes.map((one) => `<p class="note">${text(one)}</p>`).join('');
  return `${headingOf(title)}<table><thead><tr>${head}</tr></thead><tbody>\n${body.join('\n')}\n</tbody></table>${said}`;
}

function cellOf(column: Column, cell: string): string {
  return `<td${classOf(column, true)}><bdi>${text(cell)}</bdi></td>`;
}

function classOf({ right, path }: Column, inBody: boolean): string {
  if (right) return ' class="right"';
  return path && inBody ? ' class="path"' : '';
}

function chartOf({ title, bars }: ChartSection): string {
  const most = Math.max(0, ...bars.map(({ value }) => value));
  if (most === 0) return '';
  const step = CHART.width / bars.length;
  const width = Math.min(48, Math.max(0.5, step - CHART.gap));
  const drawn = bars.map(({ label, value, shown }, at) => {
    const height = value === 0 ? 0 : Math.max(1, (value / most) * (CHART.height - 4));
    const place = `x="${(at * step).toFixed(2)}" y="${(CHART.height - height).toFixed(2)}" width="${width.toFixed(2)}" height="${height.toFixed(2)}"`;
    return `<rect ${place} fill="#2f6f9f"><title>${text(`${label}: ${shown}`)}</title></rect>`;
  });
  const last = bars.at(-1)!;
  const busiest = bars.find(({ value }) => value === most)!;
  const axis = CHART.height + 16;
  return `${headingOf(title)}<svg viewBox="0 0 ${CHART.width} ${CHART.height + 22}" role="img" aria-label="${text(`${title}, most ${busiest.shown} at ${busiest.label}`)}">
<line x1="0" y1="${CHART.height}" x2="${CHART.width}" y2="${CHART.height}" stroke="#9aa7b2"/>
${drawn.join('')}
<text x="0" y="${axis}" font-size="11" fill="#5b6875">${text(bars[0]!.label)}</text>
<text x="${CHART.width / 2}" y="${axis}" font-size="11" fill="#5b6875" text-anchor="middle">most: ${text(busiest.shown)}</text>
<text x="${CHART.width}" y="${axis}" font-size="11" fill="#5b6875" text-anchor="end">${text(last.label)}</text>
</svg>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function text(given: string): string {
  return visible(given).replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}
