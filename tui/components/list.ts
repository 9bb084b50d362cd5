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

/** `12-31 of 400`, empty when all is shown. */
export function sliceWords(slice: Slice, total: number): string {
  return slice.end - slice.start >= total ? '' : ` ${slice.start + 1}-${slice.end} of ${total} `;
}
