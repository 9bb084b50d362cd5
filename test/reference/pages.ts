/** All pages of docs/reference as they must be now. */
import { fileURLToPath } from 'node:url';
import { referencePages } from '../../config/reference.ts';
import { buildProgram } from '../../tui/cli/program.ts';
import { commandLinePage } from '../../tui/cli/reference.ts';

export const REFERENCE_FOLDER = fileURLToPath(new URL('../../../docs/reference/', import.meta.url));

export function wantedPages(): Readonly<Record<string, string>> {
  return { ...referencePages(), 'command-line.md': commandLinePage(buildProgram('', () => undefined)) };
}
