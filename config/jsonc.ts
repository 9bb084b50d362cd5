/** JSON as people keep it: `//` and block comments and trailing commas are allowed on input. */
import { Fault } from '../shared/faults.ts';

/** The value in `text`; throws `SCENARIO-INVALID` with line and column. */
export function parseJsonc(text: string): unknown {
  try {
    return JSON.parse(toPlainJson(text)) as unknown;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new Fault('SCENARIO-INVALID', { reason: `it is not JSON: ${message}` }, error);
  }
}

/** Blanks out comments and trailing commas, keeping every other character where it is so that error positions hold. */
function toPlainJson(text: string): string {
  const tokens = /"(?:[^"\\\n]|\\.)*"|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;
  const blank = (part: string) => part.replace(/[^\n]/g, ' ');
  const commentless = text
    .replace(/^\uFEFF/, ' ')
    .replace(tokens, (token) => (token.startsWith('/') ? blank(token) : token));
  return commentless.replace(/"(?:[^"\\\n]|\\.)*"|,(?=\s*[}\]])/g, (token) => (token === ',' ? ' ' : token));
}
