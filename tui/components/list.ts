/** Which rows of a long list are on screen: only those are ever made. */

export interface Slice {
  readonly start: number;
  readonly end: number;
}

/** Keeps the cursor in sight, near the middle once the list is longer than the page. */
export function sliceAround(cursor: number, total: number, height: number): Slice {
  const start = Math.max(0, Math.min(cursor - Math.floor(height / 2), total - height));
  return { start, end: Math.min(total, start + height) };
}

/** The cursor moves within a page that stands still, with a row of the next page at either end: a key changes two rows. */
export function slicePage(cursor: number, total: number, height: number): Slice {
  if (height < 4) return sliceAround(cursor, total, height);
  const step = height - 2;
  const page = Math.max(0, Math.floor((cursor - 1) / step));
  const start = Math.max(0, Math.min(page * step, total - height));
  return { start, end: Math.min(total, start + height) };
}

/** `12-31 of 400`, empty when all is shown. */
export function sliceWords(slice: Slice, total: number): string {
  return slice.end - slice.start >= total ? '' : ` ${slice.start + 1}-${slice.end} of ${total} `;
}
