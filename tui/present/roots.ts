/** The roots of a scenario, Master and Replica side by side. */
import type { ScenarioDocument } from '../../shared/scenario.ts';
import { plural } from './format.ts';
import { type Line, line, span } from './line.ts';
import { clean, fitText, shortenMiddle } from './text.ts';

export function rootLines(document: ScenarioDocument | undefined, width: number): readonly Line[] {
  if (document === undefined) return [line(span('Asking the host for the roots…', 'dim'))];
  const half = Math.floor((width - 4) / 2);
  const cell = (path: string) => fitText(shortenMiddle(clean(path), half), half);
  const replicas = document.replicas.map((replica) => replica.name).join(', ');
  const lines: Line[] = [
    line(
      span(fitText(`Master ${clean(document.master.name)}`, half), 'dim'),
      '    ',
      span(`Replica ${replicas}`, 'dim'),
    ),
    ...document.roots.map((root) => line(cell(root.master), span(' -> ', 'dim'), cell(root.replica ?? root.master))),
    ...document.roots.flatMap(ruleLines),
    [],
    line(
      span(
        document.exclude.length === 0
          ? 'Nothing is excluded'
          : `Not replicated (${plural(document.exclude.length, 'pattern')})`,
        'dim',
      ),
    ),
    ...document.exclude.map((pattern) => line(`  ${pattern}`)),
  ];
  return lines;
}

/** What a root has for itself. */
function ruleLines(root: ScenarioDocument['roots'][number]): Line[] {
  const rules = [
    ['only', root.include],
    ['not', root.exclude],
    ['files named', root.fileFilter],
  ] as const;
  return rules.flatMap(([label, patterns = []]) =>
    patterns.length === 0 ? [] : [line(span(`  ${clean(root.master)} ${label}: ${clean(patterns.join(', '))}`, 'dim'))],
  );
}
